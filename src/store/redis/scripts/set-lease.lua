--[[
Changes the lease of the store's background work.

KEYS[1]  a hash; the lease is its field `lease`
ARGV[1]  the lease as it should be now; empty for none
ARGV[2]  the new lease
ARGV[3]  the time after which nothing is executed, in microseconds of this server's clock
ARGV[4]  not used: where a failover undoes it, two servers work at once, which does no harm

Returns 1, or 0 if the lease is another one.
]]
if (redis.call('HMGET', KEYS[1], 'lease')[1] or '') ~= ARGV[1] then return '0' end
redis.call('HSET', KEYS[1], 'lease', ARGV[2])
return '1'
