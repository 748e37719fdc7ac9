--[[
Shared: changes the entries of users in the indexes of their partition. Needs configuration.lua, permit.lua, wrong-type.lua and
entry-starts.lua.
]]
-- Sorted sets that are known to be some, or not there, and may be changed.
local areEntries = {}

-- Fails if a user's entries cannot be changed. Called before anything is written.
local function permitEntries(set, userKey)
  if areEntries[set] then return end
  permit('HDEL', userKey, '')
  permit('ZADD', set, '0', '')
  permit('ZREM', set, '')
  local answer = redis.pcall('ZSCORE', set, '')
  if type(answer) == 'table' then error(wrongTypeFailure(answer, 'indexes', set), 0) end
  areEntries[set] = true
end

-- Appends what brings the entries of a user from one field `i` to another.
-- added    what ZADD gets: each behind its score
-- removed  what ZREM gets
-- again    whether to add those too that should be there already
local function diffEntries(added, removed, id, from, to, again)
  local isOld, isWanted = {}, {}
  for _, start in ipairs(startsIn(to)) do isWanted[start] = true end
  for _, start in ipairs(startsIn(from)) do
    isOld[start] = not again
    if not isWanted[start] then removed[#removed + 1] = start .. id end
  end
  for start in pairs(isWanted) do
    if not isOld[start] then
      added[#added + 1] = '0'
      added[#added + 1] = start .. id
    end
  end
end

-- What one command adds or removes at most: Lua passes no more arguments than a few thousand.
local maxArguments = 2000

local function changeEntries(set, added, removed)
  for first = 1, #added, maxArguments do
    redis.call('ZADD', set, _G.unpack(added, first, math.min(#added, first + maxArguments - 1)))
  end
  -- A set that is no sorted set has no entries.
  for first = 1, #removed, maxArguments do
    redis.pcall('ZREM', set, _G.unpack(removed, first, math.min(#removed, first + maxArguments - 1)))
  end
end
