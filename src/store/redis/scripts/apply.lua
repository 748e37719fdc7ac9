--[[
Shared: applies a command to one user. `../../sqlite/apply-command.ts` does the same in SQLite. Needs write-verbs.lua.
]]
local function isDeletedBefore(tombstones, etag)
  local score = try('ZSCORE', tombstones, etag)
  -- Scores are strings; only errors are tables.
  if type(score) ~= 'table' then return score end
  if not isWrongType(score) then error(score) end
  error({ err = 'WRONGTYPE something other than Rollcall has overwritten the tombstones ' .. tombstones ..
    ', which is no sorted set; rollcall verify tells more' })
end

local function apply(command, key)
  if command.verb == DELETE and groups == 0 then return refused(POSTPONED) end
  local user = read(key)
  local again = user.etag == command.etag
  if command.verb == DELETE and isDeletedBefore(tombstonesOf(command.group), command.etag) then
    return applied(command, DELETED, {})
  end
  local isSealed = isSealing and user.etag and not user.damaged
  if isSealed and not has(command, VALIDATE_ONLY) then checkSeal(key, user) end
  if groups == 0 and (user.isBroken or (command.hides and command.indexedAt)) then return refused(POSTPONED) end
  local isThere = user.etag or user.damaged
  -- The deletion of a missing user removes it from the listing. (A listing that is not a sorted set lists nobody.)
  if command.verb == DELETE and not isThere and try('ZREM', listingOf(command.group), sub(key, idFrom)) == 1 then
    written = true
  end
  if not isThere and has(command, ALLOW_MISSING) then return applied(command, UNCHANGED, user) end
  local reason = not again and refusal(command, user)
  if reason then return refused(reason) end
  if command.verb == DELETE and not (command.wantedEtag and not user.etag) then
    return delete(command, user, key)
  end
  if user.damaged then return damaged(user.damaged) end
  if isIdentify(command) then return identify(command, user, key, again) end
  return setPreferences(command, user, key, again)
end

return apply
