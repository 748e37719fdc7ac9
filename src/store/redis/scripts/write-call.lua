--[[
Shared: reads the arguments of write.lua, and lists the users that it creates. Needs deadline.lua, configuration.lua, codes.lua and
permit.lua.
]]
local maxProperties, maxPropertiesBytes, maxWork = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[9])

local band, max, call, try, values = bit.band, math.max, redis.call, redis.pcall, _G.unpack
local work, written = 0, false
-- How many values were written that are too long for an index.
local tooLong = 0
-- The work of walking over a property, as the bytes that could be copied in the same time.
local propertyWork = 32
local commands = ARGV[3]
local groups, total, commandsAt = unpack('<BI4', commands)
local staleness = groups > 0 and stalenessOf(KEYS[1])
if staleness then return staleness end

-- The users are the last keys.
local usersAt = #KEYS - total

-- The listing of a group's partition.
local function listingOf(group)
  return KEYS[1 + group]
end

-- Created users that are not listed yet, by group: their keys; their ids, each behind a score; and their entries in indexes.
local unlisted = {}

local idFrom = tonumber(ARGV[10]) + 1

-- What write-entries.lua returns; nil until a command changes an entry.
local indexing

-- entries: the field `i` of the user; nil for none
local function list(group, key, entries)
  local users = unlisted[group] or { keys = {}, ids = {}, entries = {} }
  unlisted[group] = users
  local id = sub(key, idFrom)
  users.keys[#users.keys + 1] = key
  users.ids[#users.ids + 1] = '0'
  users.ids[#users.ids + 1] = id
  if entries then indexing.append(users.entries, entries, id) end
end

-- Lists created users, and adds their entries. If a listing is not a sorted set, deletes its users again, and returns an error.
local function listAll()
  local failure
  for group, users in pairs(unlisted) do
    local listed = try('ZADD', listingOf(group), values(users.ids))
    if type(listed) == 'table' then
      failure = wrongTypeFailure(listed, 'listing', listingOf(group))
      call('DEL', values(users.keys))
    elseif #users.entries > 0 then
      indexing.add(group, users.entries)
    end
  end
  unlisted = {}
  return failure
end

-- What seals begin with.
local sealStart = isSealing and sealOf('')

-- Writes fields of a user that gets an etag, and seals it.
local function put(key, etag, ...)
  written = true
  if isSealing then
    call('HSET', key, 'f', sealStart .. etag, ...)
  else
    call('HSET', key, ...)
  end
end

local function refused(status)
  return pack('<B', status)
end

local function damaged(part)
  return pack('<BB', DAMAGED, part)
end
