--[[
Lists ids of users, partition after partition, in byte order within each. Entries that are not ids are left out.

KEYS     the listing of the first partition, and of those after it (sorted sets of ids)
ARGV[1]  the cursor: an id of the first partition; empty for its beginning
ARGV[2]  the number of ids

Returns the ids, packed (see packed.ts); fewer than asked for only at the end. Fails if a listing is not a sorted set.
]]
local pack = struct.pack
local after, count = ARGV[1], tonumber(ARGV[2])
local listed = {}
for n = 1, #KEYS do
  local from = n == 1 and after ~= '' and '(' .. after or '-'
  repeat
    local missing = count - #listed
    local members = redis.pcall('ZRANGEBYLEX', KEYS[n], from, '+', 'LIMIT', 0, missing)
    if members.err then return wrongTypeFailure(members, 'listing', KEYS[n]) end
    for _, id in ipairs(members) do
      if isId(id) then listed[#listed + 1] = pack('<I2c0', #id, id) end
    end
    from = '(' .. (members[#members] or '')
  until #members < missing or #listed >= count
  if #listed >= count then break end
end
return pack('<I4', #listed) .. table.concat(listed)
