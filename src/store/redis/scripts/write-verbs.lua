--[[
Applies each verb of write.lua to one user. Needs merge.lua, record.lua and write-user.lua.
]]
local function identify(command, user, key, again)
  if not areMarks(user.observed) then return damaged(PART_OBSERVED) end
  if has(command, WANT_USER) and not hasWholeEntries(user.preferences, 1) then return damaged(PART_PREFERENCES) end
  local observedAt = command.observedAt
  local marks = (observedAt or user.observed ~= '') and readMarks(user.observed) or nil
  local walked, merged, count, ignored
  if command.verb == SET_PROPERTIES and not marks then
    walked, merged, count = pcall(mergeSets, user.properties, command.body)
    if not walked then return damaged(PART_PROPERTIES) end
    work = work + count * propertyWork
    count = merged and countIfOver(merged, maxProperties) or 0
  else
    walked, merged, count, ignored = pcall(merge, user.properties, command.body, marks, observedAt, now, again)
    if not walked then return damaged(PART_PROPERTIES) end
    work = work + count * (marks and markedPropertyWork or propertyWork)
  end
  if again then return applied(command, user.created == user.updated and CREATED or UPDATED, user, ignored) end

  local properties = merged or user.properties
  local marked = marks and marks.changed
  local hidesWinners = command.hides and observedAt
  if merged or marked or hidesWinners then
    -- The count includes tombstones, whichever edits win.
    if count > maxProperties then return pack('<BI4', TOO_MANY, count) end
    local bytes = hidesWinners and mostBytes(user.properties, command.body) or #properties
    if bytes > maxPropertiesBytes then return pack('<BI4', TOO_LARGE, bytes) end
  end
  local status = not user.etag and CREATED or merged and UPDATED or UNCHANGED
  user.properties = properties
  if has(command, VALIDATE_ONLY) then return applied(command, status, user, ignored) end
  if status == CREATED and groups == 0 then return refused(POSTPONED) end

  if status == CREATED then permit('ZADD', indexOf(command.group), '0', '') end
  if status ~= UNCHANGED then write(key, user, command.etag, 'properties', properties) end
  if status == CREATED then list(command.group, key) end
  if marked then
    written = true
    call('HSET', key, 'observed', packMarks(marks))
  end
  return applied(command, status, user, ignored)
end

local function setPreferences(command, user, key, again)
  if again then return applied(command, UPDATED, user) end
  if not hasWholeEntries(user.properties, 1) then return damaged(PART_PROPERTIES) end
  if not hasWholeEntries(user.preferences, 1) then return damaged(PART_PREFERENCES) end
  local preferences = command.body
  if command.verb == MERGE_PREFERENCES then
    local walked, merged, count = pcall(mergeSets, user.preferences, command.body)
    if not walked then return damaged(PART_PREFERENCES) end
    preferences = merged or user.preferences
    work = work + count * propertyWork
  end
  if #preferences > maxPreferencesBytes then return pack('<BI4', TOO_LARGE, #preferences) end
  if preferences == user.preferences then return applied(command, UNCHANGED, user) end
  user.preferences = preferences
  write(key, user, command.etag, 'preferences', preferences)
  return applied(command, UPDATED, user)
end

-- A deletion leaves a tombstone: sent again because its answer was lost, it would find no user, or a new one that it must
-- not delete. Each removes a few old ones, so that there are never many more than those that count.
local function delete(command, user, key)
  local index, tombstones = indexOf(command.group), tombstonesOf(command.group)
  permit('ZREM', index, '')
  permit('ZADD', tombstones, '0', '')
  written = true
  local failure = listAll()
  if failure then error(failure, 0) end
  local old = call('ZRANGEBYSCORE', tombstones, '-inf', decimal(now - tombstoneMicros), 'LIMIT', '0', '2')
  call('DEL', key)
  -- An index that is not a sorted set has no entries.
  try('ZREM', index, sub(key, idFrom))
  if #old > 0 then call('ZREM', tombstones, values(old)) end
  call('ZADD', tombstones, decimal(now), command.etag)
  return applied(command, DELETED, {})
end

-- A fast path of identify for most commands: every edit sets a property, and there are no flags but CAN_CREATE and WANT_USER.
-- Returns nil if the user needs the general path.
local function setProperties(key, flags, group, etag, body)
  local wantsUser = flags >= WANT_USER
  local fields
  if wantsUser then
    fields = try('HMGET', key, 'meta', 'properties', 'observed', 'preferences')
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
    if groups == 0 then return refused(POSTPONED) end
    status, created, updated, current, properties = CREATED, now, now, etag, body
    permit('ZADD', indexOf(group), '0', '')
    put(key, etag, 'meta', pack('<I8I8', now, now) .. etag, 'properties', body)
    list(group, key)
  elseif not isMeta(meta) then
    return damaged(PART_META)
  elseif not properties then
    return damaged(PART_PROPERTIES)
  else
    current = sub(meta, 17)
    if current == etag or fields[3] then return nil end
    work = work + #properties
    if properties == body then
      status = UNCHANGED
    elseif wantsUser and fields[4] and not hasWholeEntries(fields[4], 1) then
      return damaged(PART_PREFERENCES)
    else
      local walked, merged, count = pcall(mergeSets, properties, body)
      if not walked then return damaged(PART_PROPERTIES) end
      work = work + count * propertyWork
      if merged then
        count = countIfOver(merged, maxProperties)
        if count > maxProperties then return pack('<BI4', TOO_MANY, count) end
        if #merged > maxPropertiesBytes then return pack('<BI4', TOO_LARGE, #merged) end
        created, updated = unpack('<I8I8', meta)
        if created >= endOfTimes or updated >= endOfTimes then return damaged(PART_META) end
        updated = max(now, updated + 1)
        status, current, properties = UPDATED, etag, merged
        put(key, etag, 'meta', sub(meta, 1, 8) .. pack('<I8', updated) .. etag, 'properties', merged)
      else
        status = UNCHANGED
      end
    end
  end
  if not wantsUser then return pack('<BBc0I2', status, #current, current, 0) end
  local preferences = fields[4] or ''
  if not created then created, updated = unpack('<I8I8', meta) end
  return pack('<BBc0I2BI8I8Bc0I4c0I4c0', status, #current, current, 0, 1, created, updated, #current, current,
    #properties, properties, #preferences, preferences)
end
