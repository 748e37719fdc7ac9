--[[
Changes the configuration of partitions, of all or of none.

KEYS     the configuration of each partition (hash: stamp, configuration)
ARGV[1]  the stamp that each of them has now; empty for none
ARGV[2]  the new stamp. A partition that has it already is left as it is
ARGV[3]  the new configuration
ARGV[4]  the time after which nothing is executed, in microseconds of this server's clock
ARGV[5]  not used: it always writes

Returns 1, or 0 if a partition has yet another stamp. Fails with EXPIRED after the time in ARGV[4].
]]
for n = 1, #KEYS do
  local stamp = redis.call('HMGET', KEYS[n], 'stamp')[1] or ''
  if stamp ~= ARGV[1] and stamp ~= ARGV[2] then return '0' end
end
for n = 1, #KEYS do
  redis.call('HSET', KEYS[n], 'stamp', ARGV[2], 'configuration', ARGV[3])
end
return '1'
