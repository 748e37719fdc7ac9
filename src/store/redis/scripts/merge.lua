--[[
Shared: merges edits into a canonical Struct, one level deep, without decoding values. It does the same as
`src/users/struct/merge.ts`. Needs record.lua.

A Struct is a list of entries `0a <length> 0a <length> <name> 12 <length> <value>`, sorted by the bytes of their names.
Edits have the same form, except that the first tag says what to do, and an entry to unset has no value.
]]
local byte, sub, concat = string.byte, string.sub, table.concat
local pack, unpack = struct.pack, struct.unpack

local SET, SET_ONCE, UNSET = 0x0a, 0x12, 0x1a

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

-- Returns the value of an entry that has one.
local function valueOf(whole)
  local _, content = varint(whole, 2)
  local nameLength, name = varint(whole, content + 1)
  local _, value = varint(whole, name + nameLength + 1)
  return sub(whole, value)
end

-- Whether a comes before b in byte order. (The operator < follows the server's locale.)
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Reads marks: `names` in their stored order, `times` in microseconds by name.
local function readMarks(packed)
  local names, times, pos = {}, {}, 1
  while pos <= #packed do
    local name, time
    name, time, pos = unpack('<Bc0I8', packed, pos)
    names[#names + 1] = name
    times[name] = time
  end
  return { names = names, times = times, changed = false }
end

local function packMarks(marks)
  local pieces = {}
  for i, name in ipairs(marks.names) do pieces[i] = pack('<Bc0I8', #name, name, marks.times[name]) end
  return concat(pieces)
end

local function setMark(marks, name, observedAt, now)
  local mark = marks.times[name]
  local time = observedAt or (mark and math.max(mark, now))
  if not time or time == mark then return end
  if not mark then marks.names[#marks.names + 1] = name end
  marks.times[name] = time
  marks.changed = true
end

-- Whether an edit with the entry `new` has an effect on the stored entry `old`, which may be nil.
local function takesEffect(kind, old, new, mark, observedAt, again)
  if kind == SET_ONCE then return old == nil or (again and valueOf(old) == valueOf(new)) end
  if not observedAt or not mark or observedAt > mark then return true end
  if observedAt < mark then return false end
  if not old then return true end
  return kind ~= UNSET and not before(valueOf(new), valueOf(old))
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

-- Merges edits that all set properties. Returns the merged Struct, or nil if nothing differs, and how many properties it
-- compared. Fails if the stored Struct does not consist of whole entries.
local function mergeSets(stored, edits)
  -- What is sent alone is within the limits.
  if stored == edits then return nil, 0 end
  if stored == '' then return edits, 0 end
  local pieces, parts, looked, i, j = {}, 0, 0, 1, 1
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
      end
      if isThere then i = iNext end
    end
    j = jNext
  end
  if not hasWholeEntries(stored, i) then error('the stored Struct is damaged') end
  if parts == 0 then return nil, looked end
  pieces[parts + 1] = sub(stored, kept)
  return concat(pieces), looked
end

-- Returns the most bytes that a Struct can have after edits, whichever of the edits take effect.
local function mostBytes(stored, edits)
  local bytes, i, j = #stored, 1, 1
  local storedName, iNext = entry(stored, i)
  local editName, jNext = entry(edits, j)
  while editName do
    if storedName and storedName ~= editName and before(storedName, editName) then
      i = iNext
      storedName, iNext = entry(stored, i)
    else
      local old = storedName == editName and iNext - i or 0
      local new = byte(edits, j) == UNSET and 0 or jNext - j
      bytes = bytes + math.max(0, new - old)
      j = jNext
      editName, jNext = entry(edits, j)
    end
  end
  return bytes
end

local nothing = {}

-- marks       the result of readMarks, changed in place; nil if there are none and the edits are not observed
-- observedAt  when the edits were observed; nil if they always apply
-- again       whether these very edits were applied before
-- Returns the merged Struct (nil if nothing differs), the number of properties including tombstones, and the names of edits
-- without effect. Fails if the stored Struct does not consist of whole entries.
local function merge(stored, edits, marks, observedAt, now, again)
  local pieces, parts, count, differs = {}, 0, 0, false
  local ignored = nothing
  local held = marks and {}
  -- Stored entries from `kept` up to i stay as they are.
  local kept, i, j = 1, 1, 1
  local storedName, iNext = entry(stored, i)
  local editName, jNext = entry(edits, j)
  while editName do
    if storedName and storedName ~= editName and before(storedName, editName) then
      count = count + 1
      if held then held[storedName] = true end
      i = iNext
      storedName, iNext = entry(stored, i)
    else
      local isThere = storedName == editName
      local old = isThere and sub(stored, i, iNext - 1) or nil
      local kind, new = byte(edits, j), sub(edits, j, jNext - 1)
      local applies = kind == SET and not marks
        or takesEffect(kind, old, new, marks and marks.times[editName], observedAt, again)
      local piece = old
      if applies then
        piece = kind == SET and new or kind == SET_ONCE and '\10' .. sub(new, 2) or nil
        if marks then setMark(marks, editName, observedAt, now) end
      else
        if ignored == nothing then ignored = {} end
        ignored[#ignored + 1] = editName
      end
      if piece then
        count = count + 1
        if held then held[editName] = true end
      end
      if piece ~= old then
        differs = true
        pieces[parts + 1] = sub(stored, kept, i - 1)
        pieces[parts + 2] = piece or ''
        parts = parts + 2
        kept = isThere and iNext or i
      end
      if isThere then
        i = iNext
        storedName, iNext = entry(stored, i)
      end
      j = jNext
      editName, jNext = entry(edits, j)
    end
  end
  while storedName do
    count = count + 1
    if held then held[storedName] = true end
    i = iNext
    storedName, iNext = entry(stored, i)
  end
  if i ~= #stored + 1 then error('the stored Struct is damaged') end
  if marks then
    for _, name in ipairs(marks.names) do
      if not held[name] then count = count + 1 end
    end
  end
  if not differs then return nil, count, ignored end
  pieces[parts + 1] = sub(stored, kept)
  return concat(pieces), count, ignored
end
