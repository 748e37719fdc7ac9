--[[
Reads what a partition has besides users and their listing.

KEYS[1]  the configuration of the partition (should be a hash: stamp, configuration)
KEYS[2]  its tombstones (should be a sorted set)
KEYS[3]  how far its background work has come (should be a hash)
KEYS[4]  the entries of its indexes (should be a sorted set)

Returns for each key: u8 kind (0 none, 1 as it should be, 2 other), u8 whether it has a time to live. Then u32+stamp and
u32+configuration, empty if they are not there.
]]
local pack = struct.pack
local kinds = { 'hash', 'zset', 'hash', 'zset' }
local packed = {}
for n = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[n]).ok
  local expires = redis.call('PTTL', KEYS[n]) >= 0 and 1 or 0
  packed[n] = pack('<BB', kind == 'none' and 0 or kind == kinds[n] and 1 or 2, expires)
end
local fields = redis.pcall('HMGET', KEYS[1], 'stamp', 'configuration')
for n = 1, 2 do
  local field = fields[n] or ''
  packed[#packed + 1] = pack('<I4c0', #field, field)
end
return table.concat(packed)
