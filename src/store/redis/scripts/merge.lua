--[[
Shared: merges edits of every kind into a canonical Struct. `src/users/struct/merge.ts` does the same. Needs merge-sets.lua.

Edits have the form of a Struct, except that the first tag of an entry says what to do, and an entry to unset has no value.
]]
local pack, unpack = struct.pack, struct.unpack

local SET, SET_ONCE, UNSET = 0x0a, 0x12, 0x1a

-- Returns the value of an entry that has one.
local function valueOf(whole)
  local _, content = varint(whole, 2)
  local nameLength, name = varint(whole, content + 1)
  local _, value = varint(whole, name + nameLength + 1)
  return sub(whole, value)
end

-- Whether times of observation consist of whole marks.
local function areMarks(packed)
  local pos, size = 1, #packed
  while pos <= size do
    local length = string.byte(packed, pos)
    if length == 0 or length > 128 then return false end
    pos = pos + 1 + length + 8
  end
  return pos == size + 1
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
