--[[
Shared: compares the store's configuration with the one that the caller knows, and seals users.

The configuration of a partition is a hash. `stamp` differs for every change; `configuration` is JSON. A caller that knows another
stamp applies nothing, because it may not know what a write must do.

While a feature is on, every user has a seal in its field `f`: u32 the generation under which it was last written, and the etag that
it got. A version of Rollcall that does not know the feature leaves another etag behind, or no seal: the seal is broken.

ARGV[1]  the stamp that the caller knows; empty for none
ARGV[2]  u32 generation; while a feature is on, also u32 the generation since which users are sealed, u8 whether all are. Behind
         them, for each index that writes maintain, by its number: u16 (big-endian) number, u8+name of the property. Empty stands for
         generation 0
]]
local pack, unpack, sub = struct.pack, struct.unpack, string.sub
local STALE = 'STALE the configuration of the store has changed'

-- A seal without its etag.
local sealBytes = 4
local generation, sealedSince, allAreSealed = 0, 0, false
local isSealing = #ARGV[2] > 4
local indexesAt = 10
local isIndexing = #ARGV[2] >= indexesAt
if isSealing then
  local all
  generation, sealedSince, all = unpack('<I4I4B', ARGV[2])
  allAreSealed = all == 1
elseif ARGV[2] ~= '' then
  generation = unpack('<I4', ARGV[2])
end
-- How many broken seals were found.
local broken = 0

-- An error reply if the caller knows another configuration than a partition's; else nil.
local function stalenessOf(key)
  local answer = redis.pcall('HMGET', key, 'stamp')
  if (answer[1] or '') == ARGV[1] and not answer.err then return nil end
  if not answer.err then return redis.error_reply(STALE) end
  if string.sub(answer.err, 1, 9) ~= 'WRONGTYPE' then return answer end
  local message = 'WRONGTYPE something other than Rollcall has overwritten the configuration ' .. key
  return redis.error_reply(message .. ', which is no hash; rollcall verify tells more')
end

local function sealOf(etag)
  return pack('<I4', generation) .. etag
end
