--[[
Shared: packs a user for an answer (see packed.ts). The reader must check its Structs.
]]
-- Packs a found user whose record is damaged.
local function damagedRecord(part)
  return struct.pack('<BB', 2, part)
end

-- The user of a key; the byte 0 for none. Returns nil and the error reply if it cannot be read.
local function packedUser(key)
  local user = redis.pcall('HMGET', key, 'meta', 'properties', 'preferences')
  if user.err then
    if not isWrongType(user) then return nil, user end
    return damagedRecord(PART_RECORD)
  end
  local meta, properties, preferences = user[1], user[2], user[3] or ''
  if isMeta(meta) and properties then
    local created, updated = struct.unpack('<I8I8', meta)
    local etag = string.sub(meta, 17)
    return struct.pack('<BI8I8Bc0I4c0I4c0', 1, created, updated, #etag, etag, #properties, properties, #preferences,
      preferences)
  end
  if isMeta(meta) then return damagedRecord(PART_PROPERTIES) end
  if meta or redis.call('EXISTS', key) == 1 then return damagedRecord(PART_META) end
  return struct.pack('<B', 0)
end
