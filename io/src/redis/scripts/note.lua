-- What needs no answer: units given back, a settled cost, a unit no longer in flight.
--
-- ARGV: 'back', name of the process, number of the note, units, beginning of the window
--       'settle', beginning of the window, too much, owed, letter, then what the letter has in `take`
--       'release', hold

local key = KEYS[1]

-- What is stored is changed in place: the window may be over, and then nothing is.
local function stored_window()
  local stored = redis.call('GET', key)
  if not stored then return nil end
  local from, to, used, limit, leases = string.match(stored, '^(%-?%d+) (%-?%d+) (%d+) (%d+)(.*)$')
  if not from then return nil end
  return { key = key, from = tonumber(from), to = tonumber(to), used = tonumber(used),
    limit = tonumber(limit), leases = leases }
end

if ARGV[1] == 'release' then
  local unit = 1
  while redis.call('ZREM', key, ARGV[2] .. ':' .. text(unit)) == 1 do unit = unit + 1 end
  return unit - 1
end

if ARGV[1] == 'back' then
  local self = stored_window()
  -- Of a window that is over, nothing is free in the next one.
  if not self or text(self.from) ~= ARGV[5] then return 0 end
  local units = window.give_back(self, ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
  window.write(self)
  return units
end

local back, owed = tonumber(ARGV[3]), tonumber(ARGV[4])
if ARGV[5] == 'r' then
  local self = rate.new(key, tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]))
  if owed > 0 then rate.take(self, owed) end
  local us, part = rate.span(self, back)
  self.us, self.part = self.us - us, self.part - part
  if self.part < 0 then self.us, self.part = self.us - 1, self.part + self.n end
  rate.write(self)
  return back
end
if ARGV[5] == 's' then
  -- Totals from this charge on are lowered; one whose total another has lowered stays as it is.
  local name = string.format('%016.0f', tonumber(ARGV[2]))
  local at = redis.call('ZSCORE', key, name)
  if not at then return 0 end
  local entries = redis.call('ZRANGEBYSCORE', key, at, '+inf', 'WITHSCORES')
  for i = 1, #entries, 2 do
    if entries[i] >= name then
      redis.call('ZREM', key, entries[i])
      redis.call('ZADD', key, entries[i + 1], string.format('%016.0f', tonumber(entries[i]) - back + owed))
    end
  end
  return back
end
if ARGV[5] == 't' then
  local from, current, rest = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (.*)$')
  if from ~= ARGV[2] then return 0 end
  redis.call('SET', key, from .. ' ' .. text(math.max(tonumber(current) - back, 0) + owed) .. ' ' .. rest,
    'KEEPTTL')
  return back
end
if ARGV[5] == 'w' then
  local self = stored_window()
  if not self or text(self.from) ~= ARGV[2] then return 0 end
  self.used = math.max(self.used - back, 0) + owed
  window.write(self)
  return back
end
return 0
