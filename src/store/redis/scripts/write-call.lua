--[[
Shared: reads the arguments of write.lua, and lists the users that it creates. Needs configuration.lua and codes.lua.
]]
local maxProperties, maxPropertiesBytes, maxWork = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[9])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
if now > tonumber(ARGV[11]) then return redis.error_reply('EXPIRED the time to execute it by is past') end

local band, max, call, try, values = bit.band, math.max, redis.call, redis.pcall, _G.unpack
local work, written = 0, false
-- The work of walking over a property, as the bytes that could be copied in the same time.
local propertyWork = 32
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

-- Created users that are not in the index yet, by group: their keys, and their ids, each behind a score.
local unlisted = {}

local idFrom = tonumber(ARGV[10]) + 1

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

-- Writes fields of a user that gets an etag, and seals it.
local function put(key, etag, ...)
  written = true
  if isSealing then
    call('HSET', key, 'f', sealOf(etag), ...)
  else
    call('HSET', key, ...)
  end
end

-- A script that has one key learns of a change from the user alone.
local readsSeals = isSealing or groups == 0

local function refused(status)
  return pack('<B', status)
end

local function damaged(part)
  return pack('<BB', DAMAGED, part)
end
