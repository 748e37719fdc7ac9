--[[
Compares entries of a partition's indexes with their users.

KEYS[1]  the entries of the partition
KEYS     behind it: the user of each entry
ARGV     each entry

Returns for each: u8 whether it is there (0 no, 1 yes, 2 with another score than 0), u8 whether there is such a user, u32+field i of the
user, empty if there is none.
]]
local pack = struct.pack
local answers = {}
for n = 1, #ARGV do
  local score, key = redis.call('ZSCORE', KEYS[1], ARGV[n]), KEYS[n + 1]
  local isThere = not score and 0 or tonumber(score) == 0 and 1 or 2
  local fields = redis.pcall('HMGET', key, 'i')
  local field = fields[1] or ''
  answers[n] = pack('<BBI4c0', isThere, redis.call('EXISTS', key), #field, field)
end
return table.concat(answers)
