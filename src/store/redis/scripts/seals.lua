--[[
Shared: recognises seals. Needs configuration.lua.
]]
local function isSeal(seal)
  return seal and #seal > sealBytes
end

-- Whether a user was sealed under a generation that the caller does not know. Told by the user itself, because a script that has
-- one key cannot see the configuration.
local function isSealedLater(seal)
  return isSeal(seal) and unpack('<I4', seal) > generation
end

-- Whether somebody who does not seal has written a user.
local function isBroken(seal, etag)
  if isSeal(seal) and unpack('<I4', seal) >= sealedSince then return sub(seal, sealBytes + 1) ~= etag end
  return allAreSealed
end
