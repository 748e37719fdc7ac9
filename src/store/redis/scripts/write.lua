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
(see observed.ts). Needs write-user.lua and write-verbs.lua.
]]
local function apply(command, key, doneKey)
  if command.verb == DELETE and groups == 0 then return refused(POSTPONED) end
  local user = read(key)
  local again = user.etag == command.etag
  if doneKey and call('EXISTS', doneKey) == 1 then return applied(command, DELETED, {}) end
  local isThere = user.etag or user.damaged
  -- An entry of the listing that no user has goes with its deletion. (An index that is no sorted set has none.)
  if command.verb == DELETE and not isThere and try('ZREM', KEYS[command.group], sub(key, idFrom)) == 1 then
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

-- Writes what is there already, so that a command that changes nothing fails where a change would.
local function touch(key, result)
  call('HSET', key, 'meta', call('HMGET', key, 'meta')[1])
  written = true
  return result
end

local function applyAll(pos)
  local results, nextDoneKey = {}, groups + total + 1
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
      local doneKey
      if verb == DELETE and groups > 0 then
        doneKey = KEYS[nextDoneKey]
        nextDoneKey = nextDoneKey + 1
      end
      result = ifRoom(apply, command, key, doneKey)
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
-- Whatever has happened, a user that is there is listed.
local failure = listAll()
if not done then return redis.error_reply(messageOf(results)) end
if failure then return failure end
if ARGV[10] == '1' and not written then writeSomething(KEYS[groups + 1]) end
return results
