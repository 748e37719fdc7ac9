--[[
Applies each verb of write.lua to one user. Needs merge.lua and write-user.lua.
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
