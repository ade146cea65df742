-- Grants units of a rate or of a window: charged now, spent later by who asked.
--
-- ARGV: least, most, hold in ms, owed, name of the question, name of the process,
-- letter, then what the letter has in `take`. Answers units, beginning of the window, valid for ms,
-- whether they can be given back, the name, left, reset and retry in ms.

-- Of what is left, one process gets at most this part, so that near the end all get some.
local PART = 8
-- Processes whose leases of one counter are remembered: units of others cannot be given back.
local MOST = 64

local least, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local hold, owed, name = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local function portion(left)
  if left < least then return 0 end
  return math.max(math.min(most, math.floor(left / PART)), least)
end

if ARGV[7] == 'r' then
  local self = rate.new(KEYS[1], tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]))
  if owed > 0 then rate.take(self, owed) end
  local units = portion(rate.left(self))
  local retry = units == 0 and rate.retry_ms(self, least) or 0
  if units > 0 then rate.take(self, units) end
  if units > 0 or owed > 0 then rate.write(self) end
  return { units, 0, hold, 0, name, rate.left(self), rate.reset_ms(self), retry }
end

local self = window.new(KEYS[1], tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11]),
  tonumber(ARGV[12]), tonumber(ARGV[13]))
if not self then return redis.error_reply('GTCLOCK ' .. text(now_ms)) end
self.used = self.used + owed
local units = portion(window.left(self))
local named = 0
if units > 0 then
  self.used = self.used + units
  named = window.lend(self, ARGV[6], units, MOST)
end
if units > 0 or owed > 0 then window.write(self) end
-- Rounded down: a lease never outlives its window.
local valid = math.max(math.floor((self.to * 1000 - now_us) / 1000), 0)
local retry = units == 0 and math.max(window.reset_ms(self), 1) or 0
return { units, self.from, math.min(valid, hold), named, name, window.left(self),
  window.reset_ms(self), retry }
