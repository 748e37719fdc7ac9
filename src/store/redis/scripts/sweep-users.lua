--[[
Brings seals and entries in indexes of a partition's users in line with the configuration; perhaps as a step of a walk.

KEYS[1]  the configuration of the partition (hash: stamp, configuration)
KEYS[2]  the state of its walk (hash: walk, after, done)
KEYS[3]  its entries (entry-starts.lua)
KEYS     behind them: the users of the step (hashes)
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  what it does: seal (all users), check (those with a broken seal) or unseal (all)
ARGV[4]  what was read of each user: u8 kind (0 nothing, 1 a user, 2 a damaged one); of a user also u8+etag, u16+entries that it should
         have, as in its field `i`
ARGV[5]  how many bytes are before the id in the key of a user
ARGV[6]  the name of the walk; empty for none
ARGV[7]  the state that the walk is in: its name, a space, and the last id that it has seen
ARGV[8]  the last id that it will have seen
ARGV[9]  empty, or when it ended, in milliseconds: with this step
ARGV[10] the time after which nothing is executed, in microseconds of this server's clock
ARGV[11] not used: a walk always writes

Returns u8 whether the step was made, u32 how many broken seals were found and mended, and the positions (u16) of users that must be
read, because they have changed since. Others are in line then, and the step is made once all are. It is not made if the walk is in
another state: another server has made it. Needs seals.lua, indexes.lua and user-entries.lua.
]]
local call, try = redis.call, redis.pcall
local staleness = stalenessOf(KEYS[1])
if staleness then return staleness end

local NOTHING, USER = 0, 1
local work, idFrom, usersAt = ARGV[3], tonumber(ARGV[5]) + 1, 3
local set = KEYS[3]

if ARGV[6] ~= '' then
  local state = call('HMGET', KEYS[2], 'walk', 'after')
  if (state[1] or '') .. ' ' .. (state[2] or '') ~= ARGV[7] then return pack('<BI4', 0, 0) end
end
if isIndexing then
  local done, failure = pcall(permitEntries, set, KEYS[2])
  if not done then return failure end
end

-- Of all users together.
local added, removed = {}, {}

-- Writes the fields of a user. The first write adds, so that it fails if there is no memory.
local function put(key, seal, entries, from)
  if seal and entries ~= '' then
    call('HSET', key, 'f', seal, 'i', entries)
  elseif seal then
    call('HSET', key, 'f', seal)
  elseif entries ~= '' and entries ~= from then
    call('HSET', key, 'i', entries)
  end
  if entries == '' and from ~= '' then call('HDEL', key, 'i') end
  diffEntries(added, removed, sub(key, idFrom), from, entries, true)
end

-- Returns what a user's field `i` has of indexes that writes maintain: a damaged user keeps that, because its entries cannot be told.
local function maintainedIn(field)
  if not isIndexing then return '' end
  local pieces = {}
  for _, start in ipairs(startsIn(field)) do
    if indexNames[sub(start, 1, 2)] then pieces[#pieces + 1] = pack('<I2c0', #start, start) end
  end
  return table.concat(pieces)
end

local unread, pos = {}, 1
for n = 1, #KEYS - usersAt do
  local key = KEYS[usersAt + n]
  local kind, readEtag, readEntries
  kind, pos = unpack('<B', ARGV[4], pos)
  if kind == USER then readEtag, readEntries, pos = unpack('<Bc0I2c0', ARGV[4], pos) end
  local fields = try('HMGET', key, 'meta', 'f', 'i')
  local meta, seal, from = fields[1], fields[2], fields[3] or ''
  -- What is no hash, or no user any more, is left as it is.
  if work == 'unseal' then
    diffEntries(added, removed, sub(key, idFrom), from, '')
    if seal or from ~= '' then call('HDEL', key, 'f', 'i') end
  elseif meta and #meta > 16 then
    local etag = sub(meta, 17)
    local wasBroken = isBroken(seal, etag)
    if wasBroken or work == 'seal' then
      if isIndexing and (kind == NOTHING or (kind == USER and readEtag ~= etag)) then
        unread[#unread + 1] = pack('<I2', n - 1)
      else
        if wasBroken then broken = broken + 1 end
        local isSealed = not wasBroken and isSeal(seal) and unpack('<I4', seal) >= sealedSince
        put(key, not isSealed and sealOf(etag), readEntries or maintainedIn(from), from)
      end
    end
  elseif work == 'seal' then
    -- Without an etag, there is no seal.
    put(key, nil, maintainedIn(from), from)
  end
end
changeEntries(set, added, removed)
local isMade = #unread == 0
if isMade and ARGV[6] ~= '' then
  call('HSET', KEYS[2], 'walk', ARGV[6], 'after', ARGV[8], 'done', ARGV[9])
end
return pack('<BI4', isMade and 1 or 0, broken) .. table.concat(unread)
