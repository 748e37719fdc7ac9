--[[
Shared: checks permissions before a script writes.
]]
-- Commands that are known to be allowed. Permissions do not change while a script runs.
local permitted = {}

-- Fails if the user of the connection may not run a command. Called before the first of several writes, so that none is
-- left half done. A single write needs no such check. Redis before 7.0 cannot tell.
local function permit(command, ...)
  if permitted[command] or not redis.acl_check_cmd then return end
  local exists, allowed = pcall(redis.acl_check_cmd, command, ...)
  if not (exists and allowed) then error({ err = 'NOPERM the user may not run ' .. command }) end
  permitted[command] = true
end
