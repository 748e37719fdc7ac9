--[[
Identifies users: merges what is sent onto what is stored, one level deep. All commands of one call apply atomically,
in order.

KEYS[1..g]   the ids of each partition touched (sorted sets)
KEYS[g+1..]  the user of each command, in order (hash: properties, meta, preferences)
ARGV[1]      the commands, packed: g and the group of each command among them (see packed.ts)
ARGV[2]      the most properties that a user has
ARGV[3]      the most bytes that a user's properties have

Returns the results, packed (see packed.ts).

meta is u64 created µs, u64 updated µs, then the etag. Properties are canonical Structs: entries sorted by the bytes of
their names, each `0a <length> 0a <length> <name> 12 <length> <value>`.
]]
local byte, sub, concat = string.byte, string.sub, table.concat
local pack, unpack = struct.pack, struct.unpack

local CREATED, UPDATED, UNCHANGED, REQUIRED_MISSING, TOO_MANY, TOO_LARGE = 1, 2, 3, 4, 5, 6

-- The varint at pos, and the position after it.
local function varint(s, pos)
  local b = byte(s, pos)
  if b < 128 then return b, pos + 1 end
  local value, factor = b - 128, 128
  repeat
    pos = pos + 1
    b = byte(s, pos)
    value = value + (b % 128) * factor
    factor = factor * 128
  until b < 128
  return value, pos + 1
end

-- The name of the entry at pos, and the position after the entry; nil at the end.
local function entry(s, pos)
  if pos > #s then return nil, pos end
  local length, content = varint(s, pos + 1)
  local nameLength, name = varint(s, content + 1)
  return sub(s, name, name + nameLength - 1), content + length
end

-- Whether a comes before b in byte order. (The operator < follows the server's locale.)
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- The merged Struct and how many properties it has; nil where nothing differs.
local function merge(stored, sent)
  if stored == sent then return nil end
  local pieces, count, differs = {}, 0, false
  local i, j = 1, 1
  local storedName, iNext = entry(stored, i)
  local sentName, jNext = entry(sent, j)
  while storedName or sentName do
    count = count + 1
    if sentName == nil or (storedName ~= nil and storedName ~= sentName and before(storedName, sentName)) then
      pieces[count] = sub(stored, i, iNext - 1)
      i = iNext
      storedName, iNext = entry(stored, i)
    else
      local new = sub(sent, j, jNext - 1)
      pieces[count] = new
      if storedName == sentName then
        differs = differs or sub(stored, i, iNext - 1) ~= new
        i = iNext
        storedName, iNext = entry(stored, i)
      else
        differs = true
      end
      j = jNext
      sentName, jNext = entry(sent, j)
    end
  end
  if not differs then return nil end
  return concat(pieces), count
end

local commands, pos = ARGV[1], 1
local maxProperties, maxBytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local results = {}

local groups, total
groups, total, pos = unpack('<BI4', commands, pos)
for n = 1, total do
  local flags, group, etag, id, sent
  flags, group, etag, id, sent, pos = unpack('<BBBc0I2c0I4c0', commands, pos)
  local canCreate, wantUser = flags % 2 == 1, flags >= 2
  local key = KEYS[groups + n]
  local found = redis.call('HMGET', key, 'meta', 'properties', 'preferences')
  local meta, properties, preferences = found[1], found[2], found[3] or ''
  local status, detail, created, updated

  if not meta then
    if canCreate then
      status, created, updated, properties = CREATED, now, now, sent
      redis.call('HSET', key, 'properties', sent, 'meta', pack('<I8I8', now, now) .. etag)
      redis.call('ZADD', KEYS[group], 0, id)
    else
      status = REQUIRED_MISSING
    end
  else
    local storedEtag
    created, updated = unpack('<I8I8', meta)
    storedEtag = sub(meta, 17)
    if storedEtag == etag then
      -- This very command has been applied already: its answer was lost.
      status = created == updated and CREATED or UPDATED
    else
      local merged, count = merge(properties, sent)
      if not merged then
        status, etag = UNCHANGED, storedEtag
      elseif count > maxProperties then
        status, detail = TOO_MANY, count
      elseif #merged > maxBytes then
        status, detail = TOO_LARGE, #merged
      else
        status, updated, properties = UPDATED, math.max(now, updated + 1), merged
        redis.call('HSET', key, 'properties', merged, 'meta', pack('<I8I8', created, updated) .. etag)
      end
    end
  end

  if detail then
    results[n] = pack('<BI4', status, detail)
  elseif status == REQUIRED_MISSING then
    results[n] = pack('<B', status)
  else
    local result = pack('<BBc0', status, #etag, etag)
    if wantUser then
      result = result .. pack('<BI8I8Bc0I4c0I4c0', 1, created, updated, #etag, etag, #properties, properties,
        #preferences, preferences)
    end
    results[n] = result
  end
end
return concat(results)
