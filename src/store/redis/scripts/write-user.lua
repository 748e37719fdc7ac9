--[[
Shared: reads and writes a user, and packs results. Needs write-call.lua and seals.lua.
]]
local maxPreferencesBytes, maxAhead, tombstoneMicros = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
-- The work of walking over a property that has a time of observation.
local markedPropertyWork = 192

-- The tombstones of a group's partition; nil if no command deletes.
local function tombstonesOf(group)
  local at = 1 + (isIndexing and 2 or 1) * groups + group
  return groups > 0 and at <= usersAt and KEYS[at] or nil
end

-- A number as Redis reads it.
local function decimal(number)
  return string.format('%.0f', number)
end

local function has(command, flag)
  return band(command.flags, flag) ~= 0
end

-- Counts a broken seal, and mends it. With indexes, it stays broken until the user's entries are mended too, which takes a look at
-- all properties: see sweep-users.lua.
local function checkSeal(key, user)
  if not isBroken(user.seal, user.etag) then return end
  broken = broken + 1
  if isIndexing then
    user.isBroken = true
  else
    try('HSET', key, 'f', sealOf(user.etag))
  end
end

-- Reads the user at a key. A missing user has no etag. If the record cannot be read, `damaged` is set, and the etag if that
-- can be read.
local function read(key)
  local fields
  if isIndexing then
    fields = try('HMGET', key, 'meta', 'properties', 'preferences', 'observed', 'f', 'i')
  elseif isSealing or groups == 0 then
    -- A script that has one key learns of a change of the configuration from the user alone.
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
    return { created = 0, updated = 0, properties = '', preferences = '', observed = '', entries = '' }
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
    entries = fields[6] or '',
  }
end

-- Sets the etag and the time of a user, and writes them with the given fields.
local function write(key, user, etag, ...)
  user.etag = etag
  user.updated = max(now, user.updated + 1)
  if user.created == 0 then user.created = user.updated end
  local meta = pack('<I8I8', user.created, user.updated) .. etag
  if user.isBroken then
    written = true
    call('HSET', key, 'meta', meta, ...)
  else
    put(key, etag, 'meta', meta, ...)
  end
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
