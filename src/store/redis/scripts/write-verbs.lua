--[[
Applies each verb of write.lua to one user. Needs merge.lua and write-user.lua.
]]
-- Writes the properties of a user, and lists one that is new. entries: its field `i` afterwards, if that changes; else nil.
local function writeProperties(command, user, key, isNew, entries)
  local group, etag, properties = command.group, command.etag, user.properties
  if isNew then permit('ZADD', listingOf(group), '0', '') end
  if not entries then
    write(key, user, etag, 'properties', properties)
    if isNew then list(group, key) end
  elseif isNew then
    indexing.allow(group, key)
    write(key, user, etag, 'properties', properties, 'i', entries)
    list(group, key, entries)
  else
    indexing.prepare(group, key)
    write(key, user, etag, 'properties', properties, 'i', entries)
    indexing.change(group, key, user.entries, entries)
  end
end

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
  local from = user.properties
  user.properties = properties
  if has(command, VALIDATE_ONLY) then return applied(command, status, user, ignored) end
  local entries, lacksSome
  if command.indexedAt and status ~= UNCHANGED then
    indexing = indexing or makeIndexing()
    entries, lacksSome = indexing.after(user.entries, command.indexedAt, ignored)
    if entries == user.entries then entries = nil end
  end
  if groups == 0 and (status == CREATED or entries) then return refused(POSTPONED) end

  if status ~= UNCHANGED then writeProperties(command, user, key, status == CREATED, entries) end
  if lacksSome then indexing.countTooLong(command.indexedAt, from, properties) end
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
  local listing, tombstones = listingOf(command.group), tombstonesOf(command.group)
  permit('ZREM', listing, '')
  permit('ZADD', tombstones, '0', '')
  written = true
  local failure = listAll()
  if failure then error(failure, 0) end
  local old = call('ZRANGEBYSCORE', tombstones, '-inf', decimal(now - tombstoneMicros), 'LIMIT', '0', '2')
  local fields = isIndexing and try('HMGET', key, 'i')
  call('DEL', key)
  -- A listing that is not a sorted set lists nobody.
  try('ZREM', listing, sub(key, idFrom))
  if fields then
    indexing = indexing or makeIndexing()
    if fields.err then
      -- Nobody can tell which entries the user has.
      indexing.checkSoon(command.group)
    elseif fields[1] then
      indexing.remove(command.group, key, fields[1])
    end
  end
  if #old > 0 then call('ZREM', tombstones, values(old)) end
  call('ZADD', tombstones, decimal(now), command.etag)
  return applied(command, DELETED, {})
end
