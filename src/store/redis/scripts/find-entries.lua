--[[
Reads the first entries in some ranges of each partition's indexes, and users that have a sought value.

KEYS     the configuration of one of the partitions (configuration.lua), unless its slot is moving; then the entries of each partition
         (entry-starts.lua)
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  how many keys are before the entries: 1, or 0 while the slot is moving
ARGV[4]  how many searches. For each of them, the next arguments are:
         1 if its range is that of one value, and few partitions will have an entry in it: then it is cheaper to count first, and the
           users are read, whose keys are in the slot of the entries
         the end of the range: an entry that is not in it, one byte behind a prefix
         how many entries of each partition
         how many beginnings follow: one for each partition, or one for all
         the beginnings of the range: entries that are not in it

Returns for each partition, for each search: u16 count, and u16+entry for each; fewer than asked for only at the end. Each entry of
such a search is followed by u32+user (packed-user.lua), empty if the user was not read. A count of 65535 says that the search was not made,
because searches before it have found many entries: send it alone. Fails with STALE if the store's configuration is another one.
]]
local try, keys = redis.pcall, KEYS
local first, searches = tonumber(ARGV[3]) + 1, tonumber(ARGV[4])
local staleness = first > 1 and stalenessOf(KEYS[1])
if staleness then return staleness end

local notMade, nothing = pack('<I2', 65535), pack('<I2', 0)
-- After so many entries, further searches are not made.
local mostEntries, entryCount = 512, 0
-- Users are read for values that few have: a page of many users needs few of the entries that are found. A user takes 2 µs.
local mostUsersOfOne, mostUsers, mostUserBytes = 8, 64, 65536
local usersOf, userCount, userBytes = {}, 0, 0

local isOfFew, before, count, after, afterAt = {}, {}, {}, {}, {}
local at = 5
for s = 1, searches do
  isOfFew[s], before[s], count[s] = ARGV[at] == '1', '(' .. ARGV[at + 1], ARGV[at + 2]
  local beginnings = tonumber(ARGV[at + 3])
  at = at + 4
  if beginnings == 1 then after[s] = '(' .. ARGV[at] else afterAt[s] = at - first end
  at = at + beginnings
end

-- The user of an entry of one value, whose last bytes are the id; empty if enough users have been read.
local function userOf(s, entriesKey, entry, prefixBytes)
  local read = usersOf[s] or 0
  if read >= mostUsersOfOne or userCount >= mostUsers or userBytes >= mostUserBytes then return '' end
  local user = packedUser(sub(entriesKey, 1, -#'entries' - 1) .. 'user:' .. sub(entry, prefixBytes + 1)) or ''
  usersOf[s], userCount, userBytes = read + 1, userCount + 1, userBytes + #user
  return user
end

local pieces, size = {}, 0
for n = first, #keys do
  local key = keys[n]
  for s = 1, searches do
    local from = after[s] or '(' .. ARGV[afterAt[s] + n]
    size = size + 1
    if s > 1 and entryCount >= mostEntries then
      pieces[size] = notMade
    elseif isOfFew[s] and try('ZLEXCOUNT', key, from, before[s]) == 0 then
      pieces[size] = nothing
    else
      local found = try('ZRANGEBYLEX', key, from, before[s], 'LIMIT', '0', count[s])
      if found.err then return wrongTypeFailure(found, 'indexes', key) end
      entryCount = entryCount + #found
      pieces[size] = pack('<I2', #found)
      for _, entry in ipairs(found) do
        size = size + 1
        if isOfFew[s] then
          -- The end of the range has a parenthesis before the prefix, and a byte behind it.
          local user = userOf(s, key, entry, #before[s] - 2)
          pieces[size] = pack('<I2c0I4c0', #entry, entry, #user, user)
        else
          pieces[size] = pack('<I2c0', #entry, entry)
        end
      end
    end
  end
end
return table.concat(pieces)
