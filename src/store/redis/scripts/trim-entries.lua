--[[
Removes entries that belong to no index of the configuration.

KEYS[1]  the configuration of the partition (hash: stamp, configuration)
KEYS[2]  its entries (entry-starts.lua)
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  how many to remove at most
ARGV[4]  the time after which nothing is executed, in microseconds of this server's clock
ARGV[5]  not used: a removal that a failover undoes is done again

Returns how many it has removed. Needs indexes.lua and wrong-type.lua.
]]
local staleness = stalenessOf(KEYS[1])
if staleness then return staleness end

local removed, most = 0, tonumber(ARGV[3])

-- Returns an error reply, or nil.
local function removeBetween(after, before)
  if removed == most then return nil end
  local found = redis.pcall('ZRANGEBYLEX', KEYS[2], after, before, 'LIMIT', 0, most - removed)
  if found.err then return wrongTypeFailure(found, 'indexes', KEYS[2]) end
  if #found > 0 then redis.call('ZREM', KEYS[2], _G.unpack(found)) end
  removed = removed + #found
end

local from = '-'
for _, number in ipairs(indexNumbers or {}) do
  local failure = removeBetween(from, '(' .. number)
  if failure then return failure end
  -- Behind all entries of this index: no value begins with this byte.
  from = '(' .. number .. '\255'
end
local failure = removeBetween(from, '+')
if failure then return failure end
return tostring(removed)
