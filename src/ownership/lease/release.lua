-- Gives back each lease that is ours. KEYS: lease and record, in turn. ARGV: owner. Answers 1 for ours, else 0.
local answer = {}
for i = 1, #KEYS, 2 do
  local ours = redis.pcall('GET', KEYS[i]) == ARGV[1]
  if ours then
    redis.call('DEL', KEYS[i])
    redis.pcall('SETRANGE', KEYS[i + 1], 0, '000000000000000')
  end
  answer[#answer + 1] = ours and 1 or 0
end
return answer
