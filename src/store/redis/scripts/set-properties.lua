--[[
Shared: the fast path of write.lua. Needs merge-sets.lua and write-call.lua.
]]
-- A fast path of identify for most commands: every edit sets a property, and there are no flags but CAN_CREATE and WANT_USER.
-- Returns nil if the user needs the general path.
local function setProperties(key, flags, group, etag, body, indexedAt)
  local wantsUser = flags >= WANT_USER
  local fields, preferences, seal
  if isSealing then
    fields = wantsUser and try('HMGET', key, 'meta', 'properties', 'observed', 'f', 'preferences')
      or try('HMGET', key, 'meta', 'properties', 'observed', 'f')
    seal, preferences = fields[4], fields[5]
  elseif wantsUser then
    fields = try('HMGET', key, 'meta', 'properties', 'observed', 'preferences')
    preferences = fields[4]
  else
    fields = try('HMGET', key, 'meta', 'properties', 'observed')
  end
  if fields.err then
    if not isWrongType(fields) then error(fields, 0) end
    return damaged(PART_RECORD)
  end
  local meta, properties = fields[1], fields[2]
  local status, created, updated, current
  if not meta and not properties and not fields[3] then
    if flags % 2 == 0 then return refused(REQUIRED_MISSING) end
    status, created, updated, current, properties = CREATED, now, now, etag, body
    permit('ZADD', listingOf(group), '0', '')
    local meta, entries, lacksSome = pack('<I8I8', now, now) .. etag, '', false
    if indexedAt then
      indexing = indexing or makeIndexing()
      entries, lacksSome = indexing.after('', indexedAt)
    end
    if entries ~= '' then
      indexing.allow(group, key)
      put(key, etag, 'meta', meta, 'properties', body, 'i', entries)
      list(group, key, entries)
    else
      put(key, etag, 'meta', meta, 'properties', body)
      list(group, key)
    end
    if lacksSome then indexing.countTooLong(indexedAt, '', body) end
  elseif not isMeta(meta) then
    return damaged(PART_META)
  elseif not properties then
    return damaged(PART_PROPERTIES)
  else
    current = sub(meta, 17)
    if current == etag or fields[3] then return nil end
    -- A seal of this generation, or one that is not broken.
    if isSealing and seal ~= sealStart .. current and not (seal and #seal > sealBytes
      and sub(seal, sealBytes + 1) == current and unpack('<I4', seal) >= sealedSince) then return nil end
    work = work + #properties
    if properties == body then
      status = UNCHANGED
    elseif wantsUser and preferences and not hasWholeEntries(preferences, 1) then
      return damaged(PART_PREFERENCES)
    else
      local walked, merged, count, isNamed = pcall(mergeSets, properties, body, indexedNames)
      if not walked then return damaged(PART_PROPERTIES) end
      work = work + count * propertyWork
      if merged then
        count = countIfOver(merged, maxProperties)
        if count > maxProperties then return pack('<BI4', TOO_MANY, count) end
        if #merged > maxPropertiesBytes then return pack('<BI4', TOO_LARGE, #merged) end
        created, updated = unpack('<I8I8', meta)
        if created >= endOfTimes or updated >= endOfTimes then return damaged(PART_META) end
        updated = max(now, updated + 1)
        local stored = properties
        status, current, properties = UPDATED, etag, merged
        local newMeta, from, entries, lacksSome = sub(meta, 1, 8) .. pack('<I8', updated) .. etag, nil, nil, false
        if indexedAt and isNamed then
          indexing = indexing or makeIndexing()
          from = call('HMGET', key, 'i')[1] or ''
          entries, lacksSome = indexing.after(from, indexedAt)
        end
        if entries == from then
          put(key, etag, 'meta', newMeta, 'properties', merged)
        else
          indexing.prepare(group, key)
          put(key, etag, 'meta', newMeta, 'properties', merged, 'i', entries)
          indexing.change(group, key, from, entries)
        end
        if lacksSome then indexing.countTooLong(indexedAt, stored, merged) end
      else
        status = UNCHANGED
      end
    end
  end
  if not wantsUser then return pack('<BBc0I2', status, #current, current, 0) end
  preferences = preferences or ''
  if not created then created, updated = unpack('<I8I8', meta) end
  return pack('<BBc0I2BI8I8Bc0I4c0I4c0', status, #current, current, 0, 1, created, updated, #current, current,
    #properties, properties, #preferences, preferences)
end
