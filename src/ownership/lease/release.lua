-- Gives back each lease that is ours. KEYS: lease and record, in turn. ARGV: owner, then of each the number of the last
-- reference trade that was traded on, or '' where there is none to tell. Answers 1 for ours, else 0.
local answer = {}
for i = 1, #KEYS, 2 do
  local lease, record, told = KEYS[i], KEYS[i + 1], ARGV[1 + (i + 1) / 2]
  local ours = redis.pcall('GET', lease) == ARGV[1]
  if ours then
    redis.call('DEL', lease)
    local known = redis.pcall('GET', record)
    known = type(known) == 'string' and known or ''
    -- What an owner before has told stays true of one that never traded.
    local rest, before = string.match(known, '^%d+ (%d+ %d+ %x+) ?(%d*)$')
    if rest then
      if told == '' then told = before end
      redis.call('SET', record, '000000000000000 ' .. rest .. (told ~= '' and ' ' .. told or ''))
    end
  end
  answer[#answer + 1] = ours and 1 or 0
end
return answer
