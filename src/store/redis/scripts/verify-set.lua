--[[
Makes a step through a sorted set of a partition.

KEYS[1]  the listing of the partition, or the entries of its indexes (should be a sorted set)
ARGV[1]  the cursor; 0 for the beginning
ARGV[2]  about how many members to read

Returns u8 whether it is a sorted set, u8 whether it has a time to live, u8+the next cursor (0 at the end), u32 count, then
for each member u32+member.
]]
local pack = struct.pack
local step = redis.pcall('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
if step.err then
  if string.sub(step.err, 1, 9) ~= 'WRONGTYPE' then return step end
  return pack('<BBBc0I4', 0, 0, 1, '0', 0)
end
local cursor, members = step[1], step[2]
local packed = {}
-- Each member is followed by its score.
for n = 1, #members, 2 do packed[#packed + 1] = pack('<I4c0', #members[n], members[n]) end
local expires = redis.call('PTTL', KEYS[1]) >= 0 and 1 or 0
return pack('<BBBc0I4', 1, expires, #cursor, cursor, #packed) .. table.concat(packed)
