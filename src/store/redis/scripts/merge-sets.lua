--[[
Shared: merges properties to set into a canonical Struct, one level deep, without decoding values. `src/users/struct/merge.ts` does the
same. Needs record.lua.

A Struct is a list of entries `0a <length> 0a <length> <name> 12 <length> <value>`, sorted by the bytes of their names.
]]
local byte, sub, concat = string.byte, string.sub, table.concat

-- Returns the varint at pos, and the position after it.
local function varint(s, pos)
  local b = byte(s, pos)
  if b < 128 then return b, pos + 1 end
  local value, factor = b - 128, 128
  repeat
    pos = pos + 1
    b = byte(s, pos)
    value = value + (b % 128) * factor
    factor = factor * 128
  until b < 128
  return value, pos + 1
end

-- Returns the name of the entry at pos, and the position after the entry; nil at the end.
local function entry(s, pos)
  if pos > #s then return nil, pos end
  local length, content = varint(s, pos + 1)
  local nameLength, name = varint(s, content + 1)
  return sub(s, name, name + nameLength - 1), content + length
end

-- Whether a comes before b in byte order. (The operator < follows the server's locale.)
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- The bytes of the shortest entry: a name of one byte, and the shortest value.
local leastEntry = 9

-- Counts the properties of a Struct, if there may be more than max; else returns 0.
local function countIfOver(struct, max)
  if #struct <= max * leastEntry then return 0 end
  local count, pos = 0, 1
  while pos <= #struct do
    local length, content = varint(struct, pos + 1)
    pos = content + length
    count = count + 1
  end
  return count
end

-- Merges edits that all set properties. Returns the merged Struct, or nil if nothing differs, how many properties it compared, and
-- whether one of those that differ is in a set of names, or may be. Fails if the stored Struct does not consist of whole entries.
-- names  a table; nil for none
local function mergeSets(stored, edits, names)
  -- What is sent alone is within the limits.
  if stored == edits then return nil, 0 end
  if stored == '' then return edits, 0, true end
  local pieces, parts, looked, i, j, isNamed = {}, 0, 0, 1, 1, false
  local storedEnd, editsEnd = #stored, #edits
  -- Stored entries from `kept` up to i stay as they are.
  local kept = 1
  while j <= editsEnd do
    looked = looked + 1
    local jNext = byte(edits, j + 1)
    if jNext < 128 then
      jNext = j + 2 + jNext
    else
      local length, content = varint(edits, j + 1)
      jNext = content + length
    end
    local new = sub(edits, j, jNext - 1)
    local iNext = i + jNext - j
    -- Most often, the next entry is the same in both.
    if sub(stored, i, iNext - 1) == new then
      i = iNext
    else
      local editName = entry(edits, j)
      local storedName
      while i <= storedEnd do
        storedName, iNext = entry(stored, i)
        if storedName == editName or not before(storedName, editName) then break end
        looked = looked + 1
        i = iNext
      end
      local isThere = i <= storedEnd and storedName == editName
      if not isThere or sub(stored, i, iNext - 1) ~= new then
        pieces[parts + 1], pieces[parts + 2] = sub(stored, kept, i - 1), new
        parts = parts + 2
        kept = isThere and iNext or i
        if names and names[editName] then isNamed = true end
      end
      if isThere then i = iNext end
    end
    j = jNext
  end
  if not hasWholeEntries(stored, i) then error('the stored Struct is damaged') end
  if parts == 0 then return nil, looked end
  pieces[parts + 1] = sub(stored, kept)
  return concat(pieces), looked, isNamed
end
