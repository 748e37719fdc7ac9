--[[
Shared: recognises records that Rollcall did not write. No value is decoded here: the reader of the answer checks the rest.
]]
-- Two times of eight bytes, and an etag of 1 to 255.
local function isMeta(meta)
  return meta and #meta > 16 and #meta <= 16 + 255
end

-- From here on, numbers are not exact integers.
local endOfTimes = 2 ^ 53

-- Whether an error of HMGET says that the key is not a hash.
local function isWrongType(answer)
  return string.sub(answer.err, 1, 9) == 'WRONGTYPE'
end

-- The shortest entry of a Struct: a name of one byte, and the shortest value.
local leastEntryLength = 7

-- Whether a Struct consists of whole entries from pos on. Their contents are not checked: merging fails if it cannot walk
-- over them, and the reader of the answer checks the rest.
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
