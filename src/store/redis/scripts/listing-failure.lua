--[[
Shared: what is said of a listing that is no sorted set.
]]
-- In place of the error that a command on a listing was answered with: where the listing is of another type, one that names it.
local function listingFailure(failure, key)
  if string.sub(failure.err, 1, 9) ~= 'WRONGTYPE' then return failure end
  local message = 'WRONGTYPE something other than Rollcall has overwritten the listing ' .. key
  return redis.error_reply(message .. ', which is no sorted set; rollcall verify tells more')
end
