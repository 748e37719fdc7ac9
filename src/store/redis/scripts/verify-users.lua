--[[
Reads the first users, at least one, until there are enough bytes: whatever is stored, whether they are listed, and which of their
entries the indexes have.

KEYS     for each user, in order: the listing of its partition (should be a sorted set), the entries of its partition (should be a
         sorted set), and its own key
ARGV[1]  how many bytes are before the id in the key of a user
ARGV[2]  the bytes after which no further user is read
ARGV[3]  1 if the fields of the records are wanted

Returns for each user: u8 listed (0 no, 1 yes, 2 with another score than 0, 3 the listing is not a sorted set), u8 kind (0
none, 1 hash, 2 other), u8 whether the key has a time to live. For a hash whose fields are wanted also, for each of meta,
properties, preferences, observed, f and i: u8 whether it is there, u32+bytes; and u32+what of i the indexes have, in the same form.
Needs entry-starts.lua.
]]
local pack, sub = struct.pack, string.sub
local idFrom, maxBytes, bytes = tonumber(ARGV[1]) + 1, tonumber(ARGV[2]), 0
local found = {}

-- Returns u8 as above.
local function listed(set, member)
  local score = redis.pcall('ZSCORE', set, member)
  if type(score) ~= 'table' then return not score and 0 or tonumber(score) == 0 and 1 or 2 end
  -- Scores are strings; only errors are tables.
  if sub(score.err, 1, 9) ~= 'WRONGTYPE' then error(score) end
  return 3
end

-- Returns what the entries in a field `i` begin with, as far as the indexes have them, in the same form. What is no sorted set is
-- another finding.
local function indexed(entries, field, id)
  local pieces = {}
  for _, start in ipairs(startsIn(field)) do
    local state = listed(entries, start .. id)
    if state == 1 or state == 3 then pieces[#pieces + 1] = pack('<I2c0', #start, start) end
  end
  return table.concat(pieces)
end

for n = 1, #KEYS, 3 do
  if bytes >= maxBytes then break end
  local listing, entries, key = KEYS[n], KEYS[n + 1], KEYS[n + 2]
  local id = sub(key, idFrom)
  local kind = redis.call('TYPE', key).ok
  local expires = redis.call('PTTL', key) >= 0 and 1 or 0
  local kindCode = kind == 'none' and 0 or kind == 'hash' and 1 or 2
  local pieces = { pack('<BBB', listed(listing, id), kindCode, expires) }
  if kind == 'hash' and ARGV[3] == '1' then
    local fields = redis.call('HMGET', key, 'meta', 'properties', 'preferences', 'observed', 'f', 'i')
    for i = 1, 6 do
      local field = fields[i] or ''
      pieces[i + 1] = pack('<BI4c0', fields[i] and 1 or 0, #field, field)
    end
    local there = indexed(entries, fields[6] or '', id)
    pieces[8] = pack('<I4c0', #there, there)
  end
  local piece = table.concat(pieces)
  found[#found + 1] = piece
  bytes = bytes + #piece
end
return table.concat(found)
