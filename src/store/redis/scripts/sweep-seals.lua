--[[
Makes a step of a walk over the seals of a partition's users.

KEYS[1]  the configuration of the partition (hash: stamp, configuration)
KEYS[2]  the state of its walk (hash: walk, after, done)
KEYS     behind them: the users of the step (hashes)
ARGV[1]  and ARGV[2]: see configuration.lua
ARGV[3]  the name of the walk
ARGV[4]  what it does: seal, check or unseal
ARGV[5]  the state that the walk is in: its name, a space, and the last id that it has seen
ARGV[6]  the last id that it will have seen
ARGV[7]  empty, or when it ended, in milliseconds: with this step
ARGV[8]  the time after which nothing is executed, in microseconds of this server's clock
ARGV[9]  not used: it always writes

Returns u8 whether the step was made, u32 how many broken seals were found and mended. It is not made if the walk is in another
state: another server has made it. Needs configuration.lua.
]]
local call, try = redis.call, redis.pcall
local clock = call('TIME')
if clock[1] * 1000000 + clock[2] > tonumber(ARGV[8]) then
  return redis.error_reply('EXPIRED the time to execute it by is past')
end
local staleness = stalenessOf(KEYS[1])
if staleness then return staleness end

local state = call('HMGET', KEYS[2], 'walk', 'after')
if (state[1] or '') .. ' ' .. (state[2] or '') ~= ARGV[5] then return pack('<BI4', 0, 0) end

for n = 3, #KEYS do
  local fields = try('HMGET', KEYS[n], 'meta', 'f')
  local meta, seal = fields[1], fields[2]
  -- What is no user any more, or damaged, is left as it is.
  if not fields.err and meta and #meta > 16 then
    local etag = sub(meta, 17)
    if ARGV[4] == 'unseal' then
      if seal then call('HDEL', KEYS[n], 'f') end
    elseif isBroken(seal, etag) then
      broken = broken + 1
      call('HSET', KEYS[n], 'f', sealOf(etag))
    elseif not isSeal(seal) or unpack('<I4', seal) < sealedSince then
      call('HSET', KEYS[n], 'f', sealOf(etag))
    end
  end
end
call('HSET', KEYS[2], 'walk', ARGV[3], 'after', ARGV[6], 'done', ARGV[7])
return pack('<BI4', 1, broken)
