--[[
Fails where a script that writes would: on a replica, without memory, while loading.

KEYS[1]  a key that is never there

Returns 1.
]]
redis.call('DEL', KEYS[1])
redis.call('TIME')
return 1
