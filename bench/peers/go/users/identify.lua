-- KEYS[1]: the user; ARGV: names and values in turn. Returns the outcome and the hash.
local names, sent = {}, {}
for i = 1, #ARGV, 2 do
  names[#names + 1] = ARGV[i]
  sent[#sent + 1] = ARGV[i + 1]
end
local isThere = redis.call('EXISTS', KEYS[1]) == 1
local stored = redis.call('HMGET', KEYS[1], unpack(names))
local changes = {}
for i = 1, #names do
  if stored[i] ~= sent[i] then
    changes[#changes + 1] = names[i]
    changes[#changes + 1] = sent[i]
  end
end
local outcome = 3
if not isThere or #changes > 0 then
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000000 + time[2])
  outcome = isThere and 2 or 1
  if not isThere then redis.call('HSET', KEYS[1], '@created', now) end
  redis.call('HSET', KEYS[1], '@updated', now, unpack(changes))
end
return { outcome, redis.call('HGETALL', KEYS[1]) }
