--[[
Reads the first entries in a range of each partition's indexes.

KEYS     the configuration of one of the partitions (configuration.lua), unless its slot is moving; then the entries of each partition
         (entry-starts.lua)
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  how many keys are before the entries: 1, or 0 while the slot is moving
ARGV[4]  1 if few partitions will have any entry in the range: then it is cheaper to count first
ARGV[5]  the end of the range: an entry that is not in it
ARGV[6]  how many entries of each partition
ARGV     behind them: its beginning, an entry that is not in it. One for each partition, or one for all

Returns for each partition u16 count, and u16+entry for each; fewer than asked for only at the end. Fails with STALE if the store's
configuration is another one.
]]
local try, keys = redis.pcall, KEYS
local first, isSparse, before, count = tonumber(ARGV[3]) + 1, ARGV[4] == '1', '(' .. ARGV[5], ARGV[6]
local staleness = first > 1 and stalenessOf(KEYS[1])
if staleness then return staleness end
local isSame, after = #ARGV == 7, '(' .. ARGV[7]
local nothing, pieces, size = pack('<I2', 0), {}, 0
for n = first, #keys do
  if not isSame then after = '(' .. ARGV[7 + n - first] end
  size = size + 1
  if isSparse and try('ZLEXCOUNT', keys[n], after, before) == 0 then
    pieces[size] = nothing
  else
    local found = try('ZRANGEBYLEX', keys[n], after, before, 'LIMIT', '0', count)
    if found.err then return wrongTypeFailure(found, 'indexes', keys[n]) end
    pieces[size] = pack('<I2', #found)
    for _, entry in ipairs(found) do
      size = size + 1
      pieces[size] = pack('<I2c0', #entry, entry)
    end
  end
end
return table.concat(pieces)
