--[[
Shared: how a user's record is told from something else that is stored in its place. Nothing here decodes a value: what
gets past this is checked by whoever reads the answer.
]]
-- The parts of a record, as damaged.ts has them.
local PART_RECORD, PART_META, PART_PROPERTIES, PART_PREFERENCES, PART_OBSERVED = 1, 2, 3, 4, 5

-- Two times of eight bytes, and an etag of 1 to 255.
local function isMeta(meta)
  return meta and #meta > 16 and #meta <= 16 + 255
end

-- Times from here on are no whole numbers any more.
local endOfTimes = 2 ^ 53

-- Whether an answer of HMGET says that what is stored is no hash.
local function isWrongType(answer)
  return string.sub(answer.err, 1, 9) == 'WRONGTYPE'
end

-- An entry of a Struct has a name of a byte at least, and the shortest value.
local leastEntryLength = 7

-- Whether a Struct consists of whole entries from pos on. What they hold is not looked at: merging fails on it where it
-- cannot be walked over, and whoever reads the answer looks at the rest.
local function hasWholeEntries(struct, pos)
  local byte, size = string.byte, #struct
  while pos <= size do
    local tag, length, more, most = byte(struct, pos, pos + 3)
    if tag ~= 10 or not length then return false end
    pos = pos + 2
    if length >= 128 then
      if not most then return false end
      length = length - 128 + more % 128 * 128
      pos = pos + 1
      if more >= 128 then
        if most >= 128 then return false end
        length = length + most * 16384
        pos = pos + 1
      end
    end
    if length < leastEntryLength then return false end
    pos = pos + length
  end
  return pos == size + 1
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

-- A user found whose record is damaged.
local function damagedRecord(part)
  return struct.pack('<BB', 2, part)
end
