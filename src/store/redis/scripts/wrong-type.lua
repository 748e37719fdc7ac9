--[[
Shared: the error about a sorted set of a partition that is something else.
]]
-- Replaces the error of a command on a key of another type by one that names the key, and what it should be.
local function wrongTypeFailure(failure, what, key)
  if string.sub(failure.err, 1, 9) ~= 'WRONGTYPE' then return failure end
  local message = 'WRONGTYPE something other than Rollcall has overwritten the ' .. what .. ' ' .. key
  return redis.error_reply(message .. ', which is no sorted set; rollcall verify tells more')
end
