--[[
Writes users: as many of the first commands as are enough for one call, and one at least. They apply atomically, in
order. `../../sqlite/apply-command.ts` does the same in SQLite.

KEYS[1..g]      the ids of each partition touched (sorted sets); without any, nothing can be created or deleted, and such
                a command and all after it are postponed (then all commands are for one user)
KEYS[g+1..g+n]  the user of each command, in order (hash: properties, meta, preferences, observed)
KEYS[g+n+1..]   of each deletion, in order, if there are indexes, a key of its own that says for a while that it has been done
ARGV[1]         the commands, packed: g and the group of each command among them (see packed.ts)
ARGV[2]         the most properties that a user has
ARGV[3]         the most bytes that a user's properties have
ARGV[4]         the most bytes that a user's preferences have
ARGV[5]         how far a time of observation may be ahead of this server's clock, in microseconds
ARGV[6]         how long a deletion is remembered, in milliseconds
ARGV[7]         the work after which no further command is executed: bytes stored and sent, and properties at what they take
ARGV[8]         how many bytes there are before the id in the key of a user
ARGV[9]         the time after which nothing is executed, in microseconds of this server's clock
ARGV[10]        1 if something must be written whatever is found, so that replicas can be waited for

Returns the results, packed (see packed.ts); the error EXPIRED after the time in ARGV[9].

meta is u64 created µs, u64 updated µs, then the etag; properties and preferences are canonical Structs; observed is marks
(see observed.ts).
]]
local IDENTIFY, REPLACE_PREFERENCES, MERGE_PREFERENCES, DELETE, SET_PROPERTIES, IDENTIFY_HIDING = 1, 2, 3, 4, 5, 6
local CAN_CREATE, WANT_USER, VALIDATE_ONLY, ALLOW_MISSING = 1, 2, 4, 8
local OBSERVED, IF_EXISTS, IF_MISSING, IF_ETAG = 16, 32, 64, 128
local CREATED, UPDATED, UNCHANGED, DELETED = 1, 2, 3, 4
local REQUIRED_MISSING, TOO_MANY, TOO_LARGE = 5, 6, 7
local NOT_FOUND, ALREADY_EXISTS, ETAG_MISMATCH, OBSERVED_AHEAD = 8, 9, 10, 11
local STORE_FULL, POSTPONED, DAMAGED = 12, 13, 14

local maxProperties, maxPropertiesBytes, maxPreferencesBytes = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local maxAhead, maxWork = tonumber(ARGV[5]), tonumber(ARGV[7])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
if now > tonumber(ARGV[9]) then return redis.error_reply('EXPIRED the time to execute it by is past') end

local band, max, call, try, values = bit.band, math.max, redis.call, redis.pcall, _G.unpack
local work, written = 0, false
-- To walk over a property takes as long as to copy so many bytes.
local propertyWork, markedPropertyWork = 32, 192
local commands = ARGV[1]
local groups, total, commandsAt = unpack('<BI4', commands)

-- Users created, by group, that the index does not have yet: their keys, and their ids with a score in front of each.
local unlisted = {}

local idFrom = tonumber(ARGV[8]) + 1

local function list(group, key)
  local users = unlisted[group] or { keys = {}, ids = {} }
  unlisted[group] = users
  users.keys[#users.keys + 1] = key
  users.ids[#users.ids + 1] = '0'
  users.ids[#users.ids + 1] = sub(key, idFrom)
end

-- Returns an error where an index is something else than a sorted set: the users created that it should have are gone then.
local function listAll()
  local failure
  for group, users in pairs(unlisted) do
    local listed = redis.pcall('ZADD', KEYS[group], values(users.ids))
    if type(listed) == 'table' then
      failure = listed
      call('DEL', values(users.keys))
    end
  end
  unlisted = {}
  return failure
end

-- Commands that were found to be allowed: permissions do not change while a script runs.
local permitted = {}

-- Fails if the user of the connection may not run a command. To be called before the first of several writes, so that
-- none is left half done; the first needs no such look. Redis before 7.0 cannot tell.
local function permit(command, ...)
  if permitted[command] or not redis.acl_check_cmd then return end
  local exists, allowed = pcall(redis.acl_check_cmd, command, ...)
  if not (exists and allowed) then error({ err = 'NOPERM the user may not run ' .. command }) end
  permitted[command] = true
end

local function has(command, flag)
  return band(command.flags, flag) ~= 0
end

-- The user at a key; one that is not there has no etag. One whose record cannot be read is damaged, and then has an etag
-- only where that can be.
local function read(key)
  local fields = try('HMGET', key, 'meta', 'properties', 'preferences', 'observed')
  if fields.err then
    if not isWrongType(fields) then error(fields, 0) end
    return { damaged = PART_RECORD }
  end
  local meta = fields[1]
  if not (meta or fields[2] or fields[3] or fields[4]) then
    return { created = 0, updated = 0, properties = '', preferences = '', observed = '' }
  end
  if not isMeta(meta) then return { damaged = PART_META } end
  local created, updated = unpack('<I8I8', meta)
  if created >= endOfTimes or updated >= endOfTimes then return { etag = sub(meta, 17), damaged = PART_META } end
  local properties, preferences, observed = fields[2], fields[3] or '', fields[4] or ''
  if not properties then return { etag = sub(meta, 17), damaged = PART_PROPERTIES } end
  work = work + #properties + #preferences + #observed
  return {
    created = created,
    updated = updated,
    etag = sub(meta, 17),
    properties = properties,
    preferences = preferences,
    observed = observed,
  }
end

-- Gives the user its new etag and time, and writes them with the fields given.
local function write(key, user, etag, ...)
  user.etag = etag
  user.updated = max(now, user.updated + 1)
  if user.created == 0 then user.created = user.updated end
  written = true
  call('HSET', key, 'meta', pack('<I8I8', user.created, user.updated) .. etag, ...)
end

local function applied(command, status, user, ignored)
  ignored = ignored or nothing
  local etag = user.etag or ''
  local result = pack('<BBc0I2', status, #etag, etag, #ignored)
  for _, name in ipairs(ignored) do result = result .. pack('<Bc0', #name, name) end
  if has(command, WANT_USER) then
    local properties, preferences = user.properties, user.preferences
    result = result .. pack('<BI8I8Bc0I4c0I4c0', 1, user.created, user.updated, #etag, etag, #properties, properties,
      #preferences, preferences)
  end
  return result
end

local function refused(status)
  return pack('<B', status)
end

local function damaged(part)
  return pack('<BB', DAMAGED, part)
end

local function isIdentify(command)
  return command.verb == SET_PROPERTIES or command.verb == IDENTIFY or command.verb == IDENTIFY_HIDING
end

-- Why the command may not be applied, before its edits are looked at; nil where it may.
local function refusal(command, user)
  if command.observedAt and command.observedAt > now + maxAhead then return OBSERVED_AHEAD end
  if user.etag or user.damaged then
    if has(command, IF_MISSING) then return ALREADY_EXISTS end
    if command.wantedEtag and user.etag and command.wantedEtag ~= user.etag then return ETAG_MISMATCH end
  elseif not isIdentify(command) or has(command, IF_EXISTS + IF_ETAG) then
    return NOT_FOUND
  elseif not has(command, CAN_CREATE) then
    return REQUIRED_MISSING
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
  local hidesWinners = command.verb == IDENTIFY_HIDING
  if merged or marked or hidesWinners then
    -- Of properties and marks, whichever edits win.
    if count > maxProperties then return pack('<BI4', TOO_MANY, count) end
    local bytes = hidesWinners and mostBytes(user.properties, command.body) or #properties
    if bytes > maxPropertiesBytes then return pack('<BI4', TOO_LARGE, bytes) end
  end
  local status = not user.etag and CREATED or merged and UPDATED or UNCHANGED
  user.properties = properties
  if has(command, VALIDATE_ONLY) then return applied(command, status, user, ignored) end
  if status == CREATED and groups == 0 then return refused(POSTPONED) end

  if status == CREATED then permit('ZADD', KEYS[command.group], '0', '') end
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

-- A deletion leaves behind that it has been done: one that is repeated because its answer was lost finds no user, or a
-- new one that it must not delete.
local function delete(command, user, key, doneKey)
  permit('ZREM', KEYS[command.group], '')
  permit('SET', doneKey, '')
  written = true
  local failure = listAll()
  if failure then error(failure, 0) end
  call('DEL', key)
  -- An index that is something else than a sorted set lists nobody.
  redis.pcall('ZREM', KEYS[command.group], sub(key, idFrom))
  call('SET', doneKey, '', 'PX', ARGV[6])
  return applied(command, DELETED, {})
end

-- Does what identify does for nearly all commands, with less ado: every edit sets a property, and no flag asks for more
-- than to create the user and to answer with it. Returns nil where there turns out to be more to it.
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
    permit('ZADD', KEYS[group], '0', '')
    call('HSET', key, 'meta', pack('<I8I8', now, now) .. etag, 'properties', body)
    written = true
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
        call('HSET', key, 'meta', sub(meta, 1, 8) .. pack('<I8', updated) .. etag, 'properties', merged)
        written = true
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

local function apply(command, key, doneKey)
  if command.verb == DELETE and groups == 0 then return refused(POSTPONED) end
  local user = read(key)
  local again = user.etag == command.etag
  if doneKey and call('EXISTS', doneKey) == 1 then return applied(command, DELETED, {}) end
  local isThere = user.etag or user.damaged
  -- An entry of the listing that no user has goes with its deletion.
  if command.verb == DELETE and not isThere and call('ZREM', KEYS[command.group], sub(key, idFrom)) == 1 then
    written = true
  end
  if not isThere and has(command, ALLOW_MISSING) then return applied(command, UNCHANGED, user) end
  local reason = not again and refusal(command, user)
  if reason then return refused(reason) end
  if command.verb == DELETE and not (command.wantedEtag and not user.etag) then
    return delete(command, user, key, doneKey)
  end
  if user.damaged then return damaged(user.damaged) end
  if isIdentify(command) then return identify(command, user, key, again) end
  return setPreferences(command, user, key, again)
end

-- What went wrong, as Redis says it, its code in front.
local function messageOf(failure)
  return type(failure) == 'table' and failure.err or tostring(failure)
end

-- A command for which there is no memory left is refused alone: it has written nothing, since Redis refuses the first
-- write of a script or none.
local function ifRoom(attempt, ...)
  if written then return attempt(...) end
  local done, result = pcall(attempt, ...)
  if done then return result end
  local message = messageOf(result)
  if sub(message, 1, 3) ~= 'OOM' then error(message, 0) end
  written = false
  return refused(STORE_FULL)
end

-- Writes what changes nothing: replicas that have it have all that was found here.
local function writeSomething(key)
  permit('PERSIST', key)
  permit('DEL', key)
  if call('EXPIRE', key, 3600) == 1 then
    call('PERSIST', key)
  else
    call('HSET', key, '', '')
    call('DEL', key)
  end
end

local function applyAll(pos)
  local results, nextDoneKey = {}, groups + total + 1
  for n = 1, total do
    if work >= maxWork then break end
    local verb, flags, group, etag, body
    verb, flags, group, etag, body, pos = unpack('<BBBBc0I4c0', commands, pos)
    work = work + #body
    local key, result = KEYS[groups + n], nil
    if verb == SET_PROPERTIES and flags <= CAN_CREATE + WANT_USER then
      result = ifRoom(setProperties, key, flags, group, etag, body)
    end
    if not result then
      local command = { verb = verb, flags = flags, group = group, etag = etag, body = body }
      if has(command, OBSERVED) then command.observedAt, pos = unpack('<I8', commands, pos) end
      if has(command, IF_ETAG) then command.wantedEtag, pos = unpack('<Bc0', commands, pos) end
      local doneKey
      if verb == DELETE and groups > 0 then
        doneKey = KEYS[nextDoneKey]
        nextDoneKey = nextDoneKey + 1
      end
      result = ifRoom(apply, command, key, doneKey)
    end
    results[n] = result
    work = work + #result
    if groups == 0 and byte(result) == POSTPONED then
      while n < total do
        n = n + 1
        results[n] = refused(POSTPONED)
      end
      break
    end
  end
  return concat(results)
end

local done, results = pcall(applyAll, commandsAt)
-- Whatever has happened, a user that is there is listed.
local failure = listAll()
if not done then return redis.error_reply(messageOf(results)) end
if failure then return failure end
if ARGV[10] == '1' and not written then writeSomething(KEYS[groups + 1]) end
return results
