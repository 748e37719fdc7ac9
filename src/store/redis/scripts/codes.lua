--[[
Shared: the numbers of the packed form (see packed.ts), and of the parts of a record (see damaged.ts).
]]
local IDENTIFY, REPLACE_PREFERENCES, MERGE_PREFERENCES, DELETE, SET_PROPERTIES = 1, 2, 3, 4, 5
-- Added to the verb if the caller must not learn what the command changes.
local HIDING = 128
local CAN_CREATE, WANT_USER, VALIDATE_ONLY, ALLOW_MISSING = 1, 2, 4, 8
local OBSERVED, IF_EXISTS, IF_MISSING, IF_ETAG = 16, 32, 64, 128
local CREATED, UPDATED, UNCHANGED, DELETED = 1, 2, 3, 4
local REQUIRED_MISSING, TOO_MANY, TOO_LARGE = 5, 6, 7
local NOT_FOUND, ALREADY_EXISTS, ETAG_MISMATCH, OBSERVED_AHEAD = 8, 9, 10, 11
local STORE_FULL, POSTPONED, DAMAGED = 12, 13, 14
local PART_RECORD, PART_META, PART_PROPERTIES, PART_PREFERENCES, PART_OBSERVED = 1, 2, 3, 4, 5
