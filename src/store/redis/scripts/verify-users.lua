--[[
Reads what is stored of users, whatever that is, and whether they are listed: as many of the first ones as fit, and one at
least.

KEYS     for each user, in order: the ids of its partition (a sorted set, as a rule), and its own key
ARGV[1]  how many bytes there are before the id in the key of a user
ARGV[2]  the bytes after which no further user is read
ARGV[3]  1 if what the records hold is wanted

Returns for each user: u8 listed (0 no, 1 yes, 2 with another score than 0, 3 the listing is no sorted set), u8 kind (0
nothing, 1 a hash, 2 something else), u8 whether the key has a time to live, and of a hash whose fields are wanted, of meta, properties, preferences and observed
each: u8 whether it is there, u32+bytes.
]]
local pack, sub = struct.pack, string.sub
local idFrom, maxBytes, bytes = tonumber(ARGV[1]) + 1, tonumber(ARGV[2]), 0
local found = {}

local function listed(index, id)
  local score = redis.pcall('ZSCORE', index, id)
  if type(score) ~= 'table' then return not score and 0 or tonumber(score) == 0 and 1 or 2 end
  -- A script gets texts for scores, and tables for errors alone.
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
    local fields = redis.call('HMGET', key, 'meta', 'properties', 'preferences', 'observed')
    for i = 1, 4 do
      local field = fields[i] or ''
      pieces[i + 1] = pack('<BI4c0', fields[i] and 1 or 0, #field, field)
    end
  end
  local piece = table.concat(pieces)
  found[#found + 1] = piece
  bytes = bytes + #piece
end
return table.concat(found)
