--[[
Fails if a script that writes would: on a replica, while loading, without enough replicas. Tells which commands the user of
the connection may run. If one is not allowed, nothing is written.

KEYS     keys that never exist
ARGV[1]  a line for each command: one or more examples, separated by tabs, their words separated by spaces
ARGV[2]  1 if it must fail where Redis has no memory left
ARGV[3]  the time after which nothing is executed, in microseconds of this server's clock
ARGV[4]  1 if something must be written, so that WAIT waits for replicas

Returns a digit for each line: 1 if the user may run one of its examples, else 0. Returns an empty text if Redis cannot tell
(before 7.0).
]]
local function mayRun(example)
  local words = {}
  for word in string.gmatch(example, '[^ ]+') do words[#words + 1] = word end
  -- It fails if the command does not exist, for example because it was renamed.
  local exists, allowed = pcall(redis.acl_check_cmd, unpack(words))
  return exists and allowed
end

local digits = ''
if redis.acl_check_cmd then
  for line in string.gmatch(ARGV[1], '[^\n]+') do
    local digit = '0'
    for example in string.gmatch(line, '[^\t]+') do
      if mayRun(example) then digit = '1' end
    end
    digits = digits .. digit
  end
end
if string.find(digits, '0') then return digits end

local clock = redis.call('TIME')
if clock[1] * 1000000 + clock[2] > tonumber(ARGV[3]) then
  return redis.error_reply('EXPIRED the time to execute it by is past')
end

-- Redis looks at its memory only before the first write of a script.
if ARGV[2] == '1' then redis.call('HSET', KEYS[1], '', '') end
redis.call('DEL', KEYS[1])
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], '', '')
  redis.call('DEL', KEYS[1])
end
return digits
