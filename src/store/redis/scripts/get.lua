--[[
Reads the first users, at least one, until there are enough bytes.

KEYS     the user of each id, in order (hash: properties, meta, preferences)
ARGV[1]  the bytes after which no further user is read

Returns the found users, packed (see packed.ts). The reader must check their Structs.
]]
local pack, unpack, sub = struct.pack, struct.unpack, string.sub
local maxBytes, bytes = tonumber(ARGV[1]), 0
local found = {}

-- Packs a found user whose record is damaged.
local function damagedRecord(part)
  return pack('<BB', 2, part)
end

for n = 1, #KEYS do
  if bytes >= maxBytes then break end
  local user = redis.pcall('HMGET', KEYS[n], 'meta', 'properties', 'preferences')
  local meta, properties, preferences = user[1], user[2], user[3] or ''
  if user.err then
    if not isWrongType(user) then return user end
    found[n] = damagedRecord(PART_RECORD)
  elseif isMeta(meta) and properties then
    local created, updated = unpack('<I8I8', meta)
    local etag = sub(meta, 17)
    found[n] = pack('<BI8I8Bc0I4c0I4c0', 1, created, updated, #etag, etag, #properties, properties, #preferences,
      preferences)
  elseif isMeta(meta) then
    found[n] = damagedRecord(PART_PROPERTIES)
  elseif meta or redis.call('EXISTS', KEYS[n]) == 1 then
    found[n] = damagedRecord(PART_META)
  else
    found[n] = pack('<B', 0)
  end
  bytes = bytes + #found[n]
end
return table.concat(found)
