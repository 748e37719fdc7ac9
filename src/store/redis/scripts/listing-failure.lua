--[[
Shared: the error about an index that is not a sorted set.
]]
-- Replaces the error of a command on an index of another type by one that names the index.
local function listingFailure(failure, key)
  if string.sub(failure.err, 1, 9) ~= 'WRONGTYPE' then return failure end
  local message = 'WRONGTYPE something other than Rollcall has overwritten the listing ' .. key
  return redis.error_reply(message .. ', which is no sorted set; rollcall verify tells more')
end
