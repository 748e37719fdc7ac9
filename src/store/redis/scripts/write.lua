--[[
Writes users: executes the first commands, at least one, until there was enough work for one call. They are applied
atomically and in order. `../../sqlite/apply-command.ts` does the same in SQLite.

g is the number of partitions in use. With g = 0 all commands are for one user whose slot is moving, nothing can be created or
deleted, no entry of an index changed, and such a command and all after it are postponed.

KEYS     the configuration of one of the partitions (configuration.lua), unless g = 0. On a server with several partitions, a
         change of the configuration changes all of them in one step
         the listing of each partition (sorted sets of ids)
         if there are indexes that writes maintain: the entries of each partition (entry-starts.lua)
         if a command deletes: the tombstones of each partition (sorted sets of etags; the score is when, in microseconds); if there
         are such indexes, also the state of each one's walk (sweep-users.lua)
         the user of each command, in order (hash: properties, meta, preferences, observed, f, i)
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  the commands, packed, with g and the group of each command (see packed.ts)
ARGV[4]  limit: properties of a user
ARGV[5]  limit: bytes of a user's properties
ARGV[6]  limit: bytes of a user's preferences
ARGV[7]  limit: microseconds by which a time of observation may be ahead of this server's clock
ARGV[8]  how long tombstones of deletions count, in microseconds
ARGV[9]  the work after which no further command is executed: bytes stored and sent, and a share for each property
ARGV[10] how many bytes are before the id in the key of a user
ARGV[11] the time after which nothing is executed, in microseconds of this server's clock
ARGV[12] 1 if something must be written in any case, so that WAIT waits for replicas

Returns the results, packed (see packed.ts). While a feature is on, they are behind two counts (u16): of broken seals that were found,
and of values that were written and are too long for an index. Broken seals have been mended, unless there are indexes that writes
maintain. Fails with EXPIRED after the time in ARGV[11], and with STALE if the store's configuration is another one.

meta is u64 created µs, u64 updated µs and the etag. properties and preferences are canonical Structs. observed is marks
(see observed.ts). Needs write-call.lua, set-properties.lua, and write-entries.lua and apply.lua on demand.
]]
-- The error reply of a failure, which begins with its code.
local function messageOf(failure)
  return type(failure) == 'table' and failure.err or tostring(failure)
end

-- If there is no memory for a command, it is refused alone. It has written nothing, because Redis refuses the first write of
-- a script or none.
local function ifRoom(attempt, ...)
  if written then return attempt(...) end
  local done, result = pcall(attempt, ...)
  if done then return result end
  local message = messageOf(result)
  if sub(message, 1, 3) ~= 'OOM' then error(message, 0) end
  written = false
  return refused(STORE_FULL)
end

-- Writes the stored meta again, so that a command without a change fails whenever a change would.
local function touch(key, result, group, indexedAt)
  if indexedAt then
    indexing = indexing or makeIndexing()
    indexing.allow(group, key)
  end
  call('HSET', key, 'meta', call('HMGET', key, 'meta')[1])
  written = true
  return result
end

-- See apply.lua; nil until a command needs more than the fast path.
local apply

local function applyAll(pos)
  local results = {}
  for n = 1, total do
    if work >= maxWork then break end
    local verb, flags, group, etag, body, indexedAt
    if isIndexing then
      local length
      verb, flags, group, etag, body, length, pos = unpack('<BBBBc0I4c0I2', commands, pos)
      indexedAt = length > 0 and pos or nil
      pos = pos + length
    else
      verb, flags, group, etag, body, pos = unpack('<BBBBc0I4c0', commands, pos)
    end
    local hides = verb >= HIDING
    if hides then verb = verb - HIDING end
    work = work + #body
    local key, result = KEYS[usersAt + n], nil
    if verb == SET_PROPERTIES and flags <= CAN_CREATE + WANT_USER and groups > 0 then
      result = ifRoom(setProperties, key, flags, group, etag, body, indexedAt)
    end
    if not result then
      apply = apply or general()
      local command = { verb = verb, flags = flags, group = group, etag = etag, body = body, hides = hides }
      command.indexedAt = indexedAt
      if band(flags, OBSERVED) ~= 0 then command.observedAt, pos = unpack('<I8', commands, pos) end
      if band(flags, IF_ETAG) ~= 0 then command.wantedEtag, pos = unpack('<Bc0', commands, pos) end
      result = ifRoom(apply, command, key)
    end
    if hides and byte(result) == UNCHANGED then result = ifRoom(touch, key, result, group, indexedAt) end
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
  return (isSealing and pack('<I2I2', broken, tooLong) or '') .. concat(results)
end

local done, results = pcall(applyAll, commandsAt)
-- In any case, users that were created must be listed.
local failure = listAll()
if not done then return redis.error_reply(messageOf(results)) end
if failure then return failure end
-- A write without an effect: replicas that have it have everything that the script has read.
if ARGV[12] == '1' and not written then
  local key = KEYS[usersAt + 1]
  permit('PERSIST', key)
  permit('DEL', key)
  if call('EXPIRE', key, 3600) == 1 then
    call('PERSIST', key)
  else
    call('HSET', key, '', '')
    call('DEL', key)
  end
end
return results
