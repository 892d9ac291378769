-- Prolongs each lease that is ours. KEYS: lease and record, in turn. ARGV: owner, TTL in ms. Answers 1 for ours, else 0.
local owner, ttl = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local held = string.format('%015d', time[1] * 1000 + math.floor(time[2] / 1000) + ttl)
local answer = {}
for i = 1, #KEYS, 2 do
  local ours = redis.pcall('GET', KEYS[i]) == owner
  if ours then
    redis.call('PEXPIRE', KEYS[i], ttl)
    -- Of a record that is missing this leaves a part, which says nothing: that is what is known.
    redis.pcall('SETRANGE', KEYS[i + 1], 0, held)
  end
  answer[#answer + 1] = ours and 1 or 0
end
return answer
