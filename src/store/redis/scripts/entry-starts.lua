--[[
Shared: reads the field `i` of users.

An entry is the number of its index (u16, big-endian), the indexed form of a value, and the id of the user. The entries of a partition
are one sorted set, all scores 0. The field `i` of a user has what its entries begin with, by the numbers: u16+(number, form) for each.
A user without entries lacks the field.
]]
-- What the entries in a field `i` begin with. What cannot be read is left out.
local function startsIn(field)
  local starts, count, pos, size = {}, 0, 1, #field
  while pos < size do
    local low, high = string.byte(field, pos, pos + 1)
    local last = pos + 1 + low + high * 256
    if last > size then break end
    count = count + 1
    starts[count] = string.sub(field, pos + 2, last)
    pos = last + 1
  end
  return starts
end
