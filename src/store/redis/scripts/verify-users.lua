--[[
Reads the first users, at least one, until there are enough bytes: whatever is stored, and whether they are in the index.

KEYS     for each user, in order: the index of its partition (should be a sorted set), and its own key
ARGV[1]  how many bytes are before the id in the key of a user
ARGV[2]  the bytes after which no further user is read
ARGV[3]  1 if the fields of the records are wanted

Returns for each user: u8 listed (0 no, 1 yes, 2 with another score than 0, 3 the index is not a sorted set), u8 kind (0
none, 1 hash, 2 other), u8 whether the key has a time to live. For a hash whose fields are wanted also, for each of meta,
properties, preferences, observed and f: u8 whether it is there, u32+bytes.
]]
local pack, sub = struct.pack, string.sub
local idFrom, maxBytes, bytes = tonumber(ARGV[1]) + 1, tonumber(ARGV[2]), 0
local found = {}

local function listed(index, id)
  local score = redis.pcall('ZSCORE', index, id)
  if type(score) ~= 'table' then return not score and 0 or tonumber(score) == 0 and 1 or 2 end
  -- Scores are strings; only errors are tables.
  if sub(score.err, 1, 9) ~= 'WRONGTYPE' then error(score) end
  return 3
end

for n = 1, #KEYS, 2 do
  if bytes >= maxBytes then break end
  local index, key = KEYS[n], KEYS[n + 1]
  local kind = redis.call('TYPE', key).ok
  local expires = redis.call('PTTL', key) >= 0 and 1 or 0
  local kindCode = kind == 'none' and 0 or kind == 'hash' and 1 or 2
  local pieces = { pack('<BBB', listed(index, sub(key, idFrom)), kindCode, expires) }
  if kind == 'hash' and ARGV[3] == '1' then
    local fields = redis.call('HMGET', key, 'meta', 'properties', 'preferences', 'observed', 'f')
    for i = 1, 5 do
      local field = fields[i] or ''
      pieces[i + 1] = pack('<BI4c0', fields[i] and 1 or 0, #field, field)
    end
  end
  local piece = table.concat(pieces)
  found[#found + 1] = piece
  bytes = bytes + #piece
end
return table.concat(found)
