--[[
Shared: reads the arguments of write.lua, reads and writes a user, and packs results. Needs configuration.lua.
]]
local IDENTIFY, REPLACE_PREFERENCES, MERGE_PREFERENCES, DELETE, SET_PROPERTIES = 1, 2, 3, 4, 5
-- Added to the verb if the caller must not learn what the command changes.
local HIDING = 128
local CAN_CREATE, WANT_USER, VALIDATE_ONLY, ALLOW_MISSING = 1, 2, 4, 8
local OBSERVED, IF_EXISTS, IF_MISSING, IF_ETAG = 16, 32, 64, 128
local CREATED, UPDATED, UNCHANGED, DELETED = 1, 2, 3, 4
local REQUIRED_MISSING, TOO_MANY, TOO_LARGE = 5, 6, 7
local NOT_FOUND, ALREADY_EXISTS, ETAG_MISMATCH, OBSERVED_AHEAD = 8, 9, 10, 11
local STORE_FULL, POSTPONED, DAMAGED = 12, 13, 14

local maxProperties, maxPropertiesBytes, maxPreferencesBytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local maxAhead, tombstoneMicros, maxWork = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
if now > tonumber(ARGV[11]) then return redis.error_reply('EXPIRED the time to execute it by is past') end

local band, max, call, try, values = bit.band, math.max, redis.call, redis.pcall, _G.unpack
local work, written = 0, false
-- The work of walking over a property, as the bytes that could be copied in the same time.
local propertyWork, markedPropertyWork = 32, 192
local commands = ARGV[3]
local groups, total, commandsAt = unpack('<BI4', commands)
local staleness = groups > 0 and stalenessOf(KEYS[1])
if staleness then return staleness end

-- The users are the last keys.
local usersAt = #KEYS - total

-- The index of a group's partition.
local function indexOf(group)
  return KEYS[1 + group]
end

-- The tombstones of a group's partition; nil if no command deletes.
local function tombstonesOf(group)
  local at = 1 + groups + group
  return groups > 0 and at <= usersAt and KEYS[at] or nil
end

-- Created users that are not in the index yet, by group: their keys, and their ids, each behind a score.
local unlisted = {}

local idFrom = tonumber(ARGV[10]) + 1

-- A number as Redis reads it.
local function decimal(number)
  return string.format('%.0f', number)
end

local function list(group, key)
  local users = unlisted[group] or { keys = {}, ids = {} }
  unlisted[group] = users
  users.keys[#users.keys + 1] = key
  users.ids[#users.ids + 1] = '0'
  users.ids[#users.ids + 1] = sub(key, idFrom)
end

-- Adds created users to their indexes. If an index is not a sorted set, deletes its users again, and returns an error.
local function listAll()
  local failure
  for group, users in pairs(unlisted) do
    local listed = try('ZADD', indexOf(group), values(users.ids))
    if type(listed) == 'table' then
      failure = listingFailure(listed, indexOf(group))
      call('DEL', values(users.keys))
    end
  end
  unlisted = {}
  return failure
end

-- Commands that are known to be allowed. Permissions do not change while a script runs.
local permitted = {}

-- Fails if the user of the connection may not run a command. Called before the first of several writes, so that none is
-- left half done. A single write needs no such check. Redis before 7.0 cannot tell.
local function permit(command, ...)
  if permitted[command] or not redis.acl_check_cmd then return end
  local exists, allowed = pcall(redis.acl_check_cmd, command, ...)
  if not (exists and allowed) then error({ err = 'NOPERM the user may not run ' .. command }) end
  permitted[command] = true
end

local function has(command, flag)
  return band(command.flags, flag) ~= 0
end

-- Writes fields of a user that gets an etag, and seals it.
local function put(key, etag, ...)
  written = true
  if isSealing then
    call('HSET', key, 'f', sealOf(etag), ...)
  else
    call('HSET', key, ...)
  end
end

-- Counts a broken seal, and mends it.
local function checkSeal(key, seal, etag)
  if not isBroken(seal, etag) then return end
  broken = broken + 1
  try('HSET', key, 'f', sealOf(etag))
end

-- A script that has one key learns of a change from the user alone.
local readsSeals = isSealing or groups == 0

-- Reads the user at a key. A missing user has no etag. If the record cannot be read, `damaged` is set, and the etag if that
-- can be read.
local function read(key)
  local fields
  if readsSeals then
    fields = try('HMGET', key, 'meta', 'properties', 'preferences', 'observed', 'f')
  else
    fields = try('HMGET', key, 'meta', 'properties', 'preferences', 'observed')
  end
  if fields.err then
    if not isWrongType(fields) then error(fields, 0) end
    return { damaged = PART_RECORD }
  end
  local meta = fields[1]
  if groups == 0 and isSealedLater(fields[5]) then error({ err = STALE }) end
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
    seal = fields[5],
  }
end

-- Sets the etag and the time of a user, and writes them with the given fields.
local function write(key, user, etag, ...)
  user.etag = etag
  user.updated = max(now, user.updated + 1)
  if user.created == 0 then user.created = user.updated end
  put(key, etag, 'meta', pack('<I8I8', user.created, user.updated) .. etag, ...)
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
  return command.verb == SET_PROPERTIES or command.verb == IDENTIFY
end

-- Checks what can be checked before the edits. Returns the status of a refusal, or nil.
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
