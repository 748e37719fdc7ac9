--[[
Fails where a script that writes would: on a replica, while loading, where replicas are missing.

KEYS[1]  a key that is never there
ARGV[1]  the time after which nothing is executed, in microseconds of this server's clock
ARGV[2]  1 if something must be written, so that replicas can be waited for

Returns an empty string.
]]
local clock = redis.call('TIME')
if clock[1] * 1000000 + clock[2] > tonumber(ARGV[1]) then
  return redis.error_reply('EXPIRED the time to execute it by is past')
end
redis.call('DEL', KEYS[1])
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], '', '')
  redis.call('DEL', KEYS[1])
end
return ''
