-- Takes each lease that is free or ours. KEYS: lease and record, in turn. ARGV: owner, TTL in ms, run id, the clock's
-- epoch, then the least epoch of each.
-- Answers five values a lease: 1, its epoch, how many ms a forgotten owner may still trust it, '', what the owner before
-- told on leaving or ''; or 0, the epoch if known, 0, the owner, ''.
--
-- A record outlives its lease: 15 digits, until when (server's clock, ms) its latest owner may hold it; 15 digits,
-- until when owners before that one may; the epoch; the run id of the server that gave it out; then, where an owner left
-- in order, the number of the last reference trade that it traded on. A record that is missing, or was written by
-- another server, says nothing: anybody may have held the lease until now.
local owner, ttl, run, clock = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A key of another type is nobody's fault but its own: it must not stop the others.
local function get(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'string' then return value end
  return value and 'a value of another type' or ''
end

local answer = {}
for i = 1, #KEYS, 2 do
  local lease, record = KEYS[i], KEYS[i + 1]
  local free = redis.call('SET', lease, owner, 'NX', 'PX', ttl)
  local holder = free and '' or get(lease)
  local held, clear, epoch, by, told = string.match(get(record), '^(%d+) (%d+) (%d+) (%x+) ?(%d*)$')
  epoch = tonumber(epoch or 0)
  if free or holder == owner then
    if not free then redis.call('SET', lease, owner, 'PX', ttl) end
    if by ~= run then
      clear = now + ttl
    elseif free then
      -- Gone before its time (evicted, deleted): its owner has not heard of it yet.
      clear = math.max(tonumber(clear), tonumber(held))
    else
      clear = tonumber(clear)
    end
    -- A term's epoch is at least its beginning's, a quarter second each: so it grows over whatever was forgotten.
    local wait = math.max(clear - now, 0)
    epoch = math.max(epoch + 1, clock + math.ceil(wait / 250), tonumber(ARGV[4 + (i + 1) / 2]))
    told = told or ''
    local known = told ~= '' and ' ' .. told or ''
    redis.call('SET', record, string.format('%015d %015d %d %s', now + ttl, clear, epoch, run) .. known)
    answer[#answer + 1] = 1
    answer[#answer + 1] = epoch
    answer[#answer + 1] = wait
    answer[#answer + 1] = ''
    answer[#answer + 1] = told
  else
    answer[#answer + 1] = 0
    answer[#answer + 1] = epoch
    answer[#answer + 1] = 0
    answer[#answer + 1] = holder
    answer[#answer + 1] = ''
  end
end
return answer
