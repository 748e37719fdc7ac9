--[[
Shared: recognises user ids, as `src/users/user-id.ts` does.
]]
local find, gsub = string.find, string.gsub
local maxIdBytes = 256

-- All UTF-8 characters of several bytes, by their length and first byte.
local wide = {
  '[\194-\223][\128-\191]',
  '\224[\160-\191][\128-\191]',
  '[\225-\236\238\239][\128-\191][\128-\191]',
  '\237[\128-\159][\128-\191]',
  '\240[\144-\191][\128-\191][\128-\191]',
  '[\241-\243][\128-\191][\128-\191][\128-\191]',
  '\244[\128-\143][\128-\191][\128-\191]',
}

-- Whether a text is 1 to 256 bytes of UTF-8 without control characters.
local function isId(text)
  if text == '' or #text > maxIdBytes then return false end
  if not find(text, '[%z\1-\31\127-\255]') then return true end
  if find(text, '[%z\1-\31\127]') or find(text, '\194[\128-\159]') then return false end
  for _, pattern in ipairs(wide) do text = gsub(text, pattern, ' ') end
  return not find(text, '[\128-\255]')
end
