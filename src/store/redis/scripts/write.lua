--[[
Writes users: executes the first commands, at least one, until there was enough work for one call. They are applied
atomically and in order. `../../sqlite/apply-command.ts` does the same in SQLite.

KEYS[1..g]      the index of each partition in use (sorted sets of ids). With g = 0 all commands are for one user, nothing
                can be created or deleted, and such a command and all after it are postponed
KEYS[g+1..g+n]  the user of each command, in order (hash: properties, meta, preferences, observed)
KEYS[g+n+1..]   the tombstone of each deletion, in order, unless g = 0
ARGV[1]         the commands, packed, with g and the group of each command (see packed.ts)
ARGV[2]         limit: properties of a user
ARGV[3]         limit: bytes of a user's properties
ARGV[4]         limit: bytes of a user's preferences
ARGV[5]         limit: microseconds by which a time of observation may be ahead of this server's clock
ARGV[6]         how long tombstones of deletions are kept, in milliseconds
ARGV[7]         the work after which no further command is executed: bytes stored and sent, and a share for each property
ARGV[8]         how many bytes are before the id in the key of a user
ARGV[9]         the time after which nothing is executed, in microseconds of this server's clock
ARGV[10]        1 if something must be written in any case, so that WAIT waits for replicas

Returns the results, packed (see packed.ts). Fails with EXPIRED after the time in ARGV[9].

meta is u64 created µs, u64 updated µs and the etag. properties and preferences are canonical Structs. observed is marks
(see observed.ts). Needs write-user.lua and write-verbs.lua.
]]
local function apply(command, key, tombstone)
  if command.verb == DELETE and groups == 0 then return refused(POSTPONED) end
  local user = read(key)
  local again = user.etag == command.etag
  if tombstone and call('EXISTS', tombstone) == 1 then return applied(command, DELETED, {}) end
  local isThere = user.etag or user.damaged
  -- The deletion of a missing user removes its stray index entry. (An index that is not a sorted set has none.)
  if command.verb == DELETE and not isThere and try('ZREM', KEYS[command.group], sub(key, idFrom)) == 1 then
    written = true
  end
  if not isThere and has(command, ALLOW_MISSING) then return applied(command, UNCHANGED, user) end
  local reason = not again and refusal(command, user)
  if reason then return refused(reason) end
  if command.verb == DELETE and not (command.wantedEtag and not user.etag) then
    return delete(command, user, key, tombstone)
  end
  if user.damaged then return damaged(user.damaged) end
  if isIdentify(command) then return identify(command, user, key, again) end
  return setPreferences(command, user, key, again)
end

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

-- Makes a write without an effect: replicas that have it have everything that the script has read.
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

-- Writes the stored meta again, so that a command without a change fails whenever a change would.
local function touch(key, result)
  call('HSET', key, 'meta', call('HMGET', key, 'meta')[1])
  written = true
  return result
end

local function applyAll(pos)
  local results, nextTombstone = {}, groups + total + 1
  for n = 1, total do
    if work >= maxWork then break end
    local verb, flags, group, etag, body
    verb, flags, group, etag, body, pos = unpack('<BBBBc0I4c0', commands, pos)
    local hides = verb >= HIDING
    if hides then verb = verb - HIDING end
    work = work + #body
    local key, result = KEYS[groups + n], nil
    if verb == SET_PROPERTIES and flags <= CAN_CREATE + WANT_USER then
      result = ifRoom(setProperties, key, flags, group, etag, body)
    end
    if not result then
      local command = { verb = verb, flags = flags, group = group, etag = etag, body = body, hides = hides }
      if has(command, OBSERVED) then command.observedAt, pos = unpack('<I8', commands, pos) end
      if has(command, IF_ETAG) then command.wantedEtag, pos = unpack('<Bc0', commands, pos) end
      local tombstone
      if verb == DELETE and groups > 0 then
        tombstone = KEYS[nextTombstone]
        nextTombstone = nextTombstone + 1
      end
      result = ifRoom(apply, command, key, tombstone)
    end
    if hides and byte(result) == UNCHANGED then result = ifRoom(touch, key, result) end
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
-- In any case, users that were created must be in the index.
local failure = listAll()
if not done then return redis.error_reply(messageOf(results)) end
if failure then return failure end
if ARGV[10] == '1' and not written then writeSomething(KEYS[groups + 1]) end
return results
