--[[
Shared: the indexes that writes maintain. Needs configuration.lua.
]]
-- The two bytes of each number, in order; the names of properties by those; and the set of names. Nil if there are none.
local indexNumbers, indexNames, indexedNames
if isIndexing then
  indexNumbers, indexNames, indexedNames = {}, {}, {}
  local pos = indexesAt
  while pos <= #ARGV[2] do
    local number, name = sub(ARGV[2], pos, pos + 1), nil
    name, pos = unpack('<Bc0', ARGV[2], pos + 2)
    indexNumbers[#indexNumbers + 1] = number
    indexNames[number] = name
    indexedNames[name] = true
  end
end
