--[[
Removes entries of a partition that their users do not have.

KEYS[1]  the configuration of the partition (hash: stamp, configuration)
KEYS[2]  its entries (entry-starts.lua)
KEYS     behind them: the user of each entry
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  how many bytes are before the id in the key of a user
ARGV     behind it: each entry
         the time after which nothing is executed, in microseconds of this server's clock
         not used: a removal that a failover undoes is done again

Returns how many it has removed. Needs configuration.lua and entry-starts.lua.
]]
local staleness = stalenessOf(KEYS[1])
if staleness then return staleness end

local idFrom, firstUser, firstEntry = tonumber(ARGV[3]) + 1, 3, 4

-- Whether the field `i` of a user names an entry. What is no hash is another finding.
local function isNamed(key, entry)
  local fields = redis.pcall('HMGET', key, 'i')
  if fields.err then return true end
  for _, start in ipairs(startsIn(fields[1] or '')) do
    if start .. sub(key, idFrom) == entry then return true end
  end
  return false
end

local strays = {}
for n = 0, #KEYS - firstUser do
  local entry = ARGV[firstEntry + n]
  if not isNamed(KEYS[firstUser + n], entry) then strays[#strays + 1] = entry end
end
if #strays > 0 then redis.call('ZREM', KEYS[2], _G.unpack(strays)) end
return tostring(#strays)
