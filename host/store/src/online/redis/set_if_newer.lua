-- Stores each row unless a newer one is stored; returns how many are stored now.
-- KEYS: one hash for each row. ARGV: the field, how long the hashes are kept in ms (0: for ever), the rows.
-- Where a key can't be used, returns its position, from 1, and the reason; the keys before it are done.
local FORMAT, HEADER = 2, 38

-- Whether `a` is newer than `b`. Bytes 2 to 18 of a row, read as numbers, sort as its times do; as texts they would be
-- compared by the server's locale.
local function newer(a, b)
  local a1, a2, a3, a4, a5 = struct.unpack('>I4I4BI4I4', a, 2)
  local b1, b2, b3, b4, b5 = struct.unpack('>I4I4BI4I4', b, 2)
  if a1 ~= b1 then return a1 > b1 end
  if a2 ~= b2 then return a2 > b2 end
  if a3 ~= b3 then return a3 > b3 end
  if a4 ~= b4 then return a4 > b4 end
  return a5 > b5
end

local field, kept_for, written = ARGV[1], tonumber(ARGV[2]), 0
for i, key in ipairs(KEYS) do
  local row, stored = ARGV[i + 2], redis.pcall('HGET', key, field)
  if type(stored) == 'table' then return { i, stored.err } end
  local format = stored and #stored >= HEADER and string.byte(stored, 1) or 0
  if format > FORMAT then return { i, 'FORMAT ' .. format } end
  if not (format == FORMAT and newer(stored, row)) then
    redis.call('HSET', key, field, row)
    written = written + 1
    if kept_for == 0 then
      redis.call('PERSIST', key)
    elseif redis.call('PTTL', key) < kept_for then
      redis.call('PEXPIRE', key, kept_for)
    end
  end
end
return written
