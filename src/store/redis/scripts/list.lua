--[[
Lists ids of users, partition after partition, in byte order within each. What is no id is passed over.

KEYS     the ids of the partition to begin with, and of those after it (sorted sets)
ARGV[1]  the id after which to begin in the first partition; empty for its beginning
ARGV[2]  how many ids to list

Returns the ids, packed (see packed.ts); fewer than asked for only at the end. Fails where a listing is no sorted set.
]]
local pack = struct.pack
local after, count = ARGV[1], tonumber(ARGV[2])
local listed = {}
for n = 1, #KEYS do
  local from = n == 1 and after ~= '' and '(' .. after or '-'
  repeat
    local missing = count - #listed
    local members = redis.pcall('ZRANGEBYLEX', KEYS[n], from, '+', 'LIMIT', 0, missing)
    if members.err then return listingFailure(members, KEYS[n]) end
    for _, id in ipairs(members) do
      if isId(id) then listed[#listed + 1] = pack('<I2c0', #id, id) end
    end
    from = '(' .. (members[#members] or '')
  until #members < missing or #listed >= count
  if #listed >= count then break end
end
return pack('<I4', #listed) .. table.concat(listed)
