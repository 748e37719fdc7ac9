--[[
Removes the oldest tombstones of a partition that do not count any more.

KEYS[1]  the tombstones (sorted set of etags; the score is when, in microseconds)
ARGV[1]  how long they count, in microseconds
ARGV[2]  how many to remove at most
ARGV[3]  the time after which nothing is executed, in microseconds of this server's clock
ARGV[4]  not used: a removal that a failover undoes is done again

Returns how many it has removed.
]]
local oldest = string.format('%.0f', now - tonumber(ARGV[1]))
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', oldest, 'LIMIT', '0', ARGV[2])
if #old > 0 then redis.call('ZREM', KEYS[1], unpack(old)) end
return tostring(#old)
