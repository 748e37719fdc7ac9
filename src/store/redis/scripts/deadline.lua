--[[
Shared: the first part of scripts that write. They end with two arguments that every write gets (script.ts): the time after which nothing
is executed, in microseconds of this server's clock, and whether something must be written.
]]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
if now > tonumber(ARGV[#ARGV - 1]) then return redis.error_reply('EXPIRED the time to execute it by is past') end

