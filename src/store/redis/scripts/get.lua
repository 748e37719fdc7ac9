--[[
Reads the first users, at least one, until there are enough bytes.

KEYS     the user of each id, in order (hash: properties, meta, preferences)
ARGV[1]  the bytes after which no further user is read

Returns the found users, packed (see packed.ts). The reader must check their Structs.
]]
local maxBytes, bytes = tonumber(ARGV[1]), 0
local found = {}

for n = 1, #KEYS do
  if bytes >= maxBytes then break end
  local user, failure = packedUser(KEYS[n])
  if failure then return failure end
  found[n] = user
  bytes = bytes + #user
end
return table.concat(found)
