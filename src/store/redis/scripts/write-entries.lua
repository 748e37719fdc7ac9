--[[
Shared: what write.lua does to the entries of users in indexes. Needs indexes.lua, write-call.lua and user-entries.lua.
]]
-- The work of changing an entry, as the bytes that could be copied in the same time.
local entryWork = 256

-- The entries of a group's partition.
local function entriesOf(group)
  return KEYS[1 + groups + group]
end

-- Returns a user's field `i` after the edits of a command, and whether they leave no entry in some index. Entries of indexes that writes
-- do not maintain are left out.
-- at       where in the commands stands what the edits do to entries: u16+entries that they set, as in a field `i`, u8+numbers of
--          indexes in which they leave none, and u8+numbers of those for which a value is too long
-- ignored  the names of properties whose edits have no effect; nil for none
local function after(field, at, ignored)
  local sets, unsets = unpack('<I2c0Bc0', commands, at)
  local areAllSet = not ignored or #ignored == 0
  if areAllSet and (field == '' or (field == sets and unsets == '')) then return sets, unsets ~= '' end
  local isIgnored, starts = {}, {}
  for _, name in ipairs(ignored or {}) do isIgnored[name] = true end
  for _, start in ipairs(startsIn(field)) do starts[sub(start, 1, 2)] = start end
  for _, start in ipairs(startsIn(sets)) do
    local number = sub(start, 1, 2)
    if not isIgnored[indexNames[number]] then starts[number] = start end
  end
  for first = 1, #unsets, 2 do
    local number = sub(unsets, first, first + 1)
    if not isIgnored[indexNames[number]] then starts[number] = nil end
  end
  local pieces = {}
  for _, number in ipairs(indexNumbers) do
    local start = starts[number]
    if start then pieces[#pieces + 1] = pack('<I2c0', #start, start) end
  end
  return concat(pieces), unsets ~= ''
end

-- Puts the entries of a Struct for some properties into a table, by their names. Returns how many properties it has looked at.
local function collect(struct, names, into)
  local count, pos = 0, 1
  while pos <= #struct do
    local name, after = entry(struct, pos)
    if names[name] then into[name] = sub(struct, pos, after - 1) end
    count, pos = count + 1, after
  end
  return count
end

local function countChanges(numbers, from, to)
  local names, old, new = {}, {}, {}
  for first = 1, #numbers, 2 do names[indexNames[sub(numbers, first, first + 1)]] = true end
  work = work + propertyWork * (collect(from, names, old) + collect(to, names, new))
  for name, stored in pairs(new) do
    if stored ~= old[name] then tooLong = tooLong + 1 end
  end
end

-- Counts the values that a command has changed and that are too long for their index. Called once they are stored, with the properties
-- before and after. at: as above
local function countTooLong(at, from, to)
  local _, _, numbers = unpack('<I2c0Bc0Bc0', commands, at)
  -- It may fail at other properties, if these are damaged inside. The write must not.
  if numbers ~= '' then pcall(countChanges, numbers, from, to) end
end

-- Before a user gets its first entries.
local function allow(group, key)
  permitEntries(entriesOf(group), key)
end

-- Before the entries of a user are changed, who may have been created just now.
local function prepare(group, key)
  allow(group, key)
  local failure = unlisted[group] and listAll()
  if failure then error(failure, 0) end
end

-- Appends the entries in a field `i` of a new user to what ZADD gets: each behind its score.
local function append(list, field, id)
  local size, pos, start = #list, 1, nil
  while pos < #field do
    start, pos = unpack('<I2c0', field, pos)
    list[size + 1], list[size + 2] = '0', start .. id
    size = size + 2
    work = work + entryWork
  end
end

-- Brings a user's entries from one field `i` to another, which has been stored.
local function change(group, key, from, to)
  local added, removed = {}, {}
  diffEntries(added, removed, sub(key, idFrom), from, to)
  changeEntries(entriesOf(group), added, removed)
  work = work + entryWork * (#added / 2 + #removed)
  if to == '' then call('HDEL', key, 'i') end
end

-- Removes the entries of a user that is deleted.
local function remove(group, key, field)
  local removed = {}
  diffEntries({}, removed, sub(key, idFrom), field, '')
  changeEntries(entriesOf(group), {}, removed)
  -- What comes with the removal of any takes as long as two more.
  work = work + entryWork * (#removed + 2)
end

-- Has all entries of a partition looked at soon, and not only within the hour: sweep-entries.lua removes those that no user has.
local function checkSoon(group)
  local state = KEYS[1 + 3 * groups + group]
  local done = try('HMGET', state, 'done')[1]
  if done and done ~= '' then try('HSET', state, 'done', '0') end
end

-- Adds entries of users of a group, in the form that `append` makes.
local function add(group, list)
  changeEntries(entriesOf(group), list, {})
end

return {
  after = after,
  countTooLong = countTooLong,
  allow = allow,
  append = append,
  add = add,
  prepare = prepare,
  change = change,
  remove = remove,
  checkSoon = checkSoon,
}
