--[[
Counts the entries in a range of each partition's listing or indexes.

KEYS     the configuration of one of the partitions (configuration.lua), or none; then the sorted set of each partition
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  how many keys are before the sorted sets: 1, or 0
ARGV[4]  what the sorted sets are, for people
ARGV     behind them: the beginning and the end of the range, as ZLEXCOUNT takes them. Two for each partition, or two for all

Returns u32 the count of each partition. Fails with STALE if the store's configuration is another one.
]]
local first = tonumber(ARGV[3]) + 1
local staleness = first > 1 and stalenessOf(KEYS[1])
if staleness then return staleness end
local step = #ARGV > 6 and 2 or 0
local counts = {}
for n = first, #KEYS do
  local at = 5 + step * (n - first)
  local count = redis.pcall('ZLEXCOUNT', KEYS[n], ARGV[at], ARGV[at + 1])
  if type(count) == 'table' then return wrongTypeFailure(count, ARGV[4], KEYS[n]) end
  counts[#counts + 1] = pack('<I4', count)
end
return table.concat(counts)
