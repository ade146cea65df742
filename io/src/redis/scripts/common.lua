-- What all scripts share: the time, and the counters' forms.
--
-- Numbers are doubles: all of them are integers below 2^53, kept so by what
-- `Kind::is_countable` lets in. The server's clock is the only one.

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)

-- How long a window is remembered after its end, should the clock step back.
local MEMORY_MS = 60000

local function text(number)
  return string.format('%.0f', number)
end

local function ceil_ms(us)
  return us > 0 and math.ceil(us / 1000) or 0
end

-- Rates. The theoretical arrival time is `us` and `part` n-ths of a microsecond,
-- so that a rate of n per period is exact.

local rate = {}

function rate.new(key, n, period, burst)
  local self = { key = key, n = n, period = period, burst = burst }
  self.whole = math.floor(period / n)
  self.rest = period % n
  self.us, self.part = now_us, 0
  local stored = redis.call('GET', key)
  if stored then
    local us, part = string.match(stored, '^(%d+) (%d+)')
    us, part = tonumber(us), tonumber(part)
    if us and us >= now_us then
      -- The number may have been edited: parts of another size round up.
      if part >= n then us, part = us + 1, 0 end
      self.us, self.part = us, part
    end
  end
  self.room, self.room_part = rate.span(self, burst)
  return self
end

-- What so many units take: microseconds and parts.
function rate.span(self, units)
  local parts = units * self.rest
  return units * self.whole + math.floor(parts / self.n), parts % self.n
end

function rate.after(self, units)
  local us, part = rate.span(self, units)
  us, part = self.us + us, self.part + part
  if part >= self.n then us, part = us + 1, part - self.n end
  return us, part
end

function rate.take(self, units)
  self.us, self.part = rate.after(self, units)
end

function rate.fits(self, units)
  local us, part = rate.after(self, units)
  local ahead = us - now_us
  return ahead < self.room or (ahead == self.room and part <= self.room_part)
end

-- How many units fit: from below, as the division is not exact.
function rate.left(self)
  local free = self.room - (self.us - now_us) + (self.room_part - self.part) / self.n
  local units = math.floor(free * self.n / self.period) + 1
  while units > 0 and not rate.fits(self, units) do units = units - 1 end
  return math.max(units, 0)
end

function rate.reset_ms(self)
  return ceil_ms(self.us - now_us + (self.part > 0 and 1 or 0))
end

function rate.retry_ms(self, units)
  local us, part = rate.after(self, units)
  return math.max(ceil_ms(us - now_us - self.room + (part > self.room_part and 1 or 0)), 1)
end

function rate.write(self)
  if self.us <= now_us then
    redis.call('DEL', self.key)
    return
  end
  local value = text(self.us) .. ' ' .. text(self.part) .. ' ' .. text(self.n) .. ' '
    .. text(self.period) .. ' ' .. text(self.burst)
  redis.call('SET', self.key, value, 'PX', text(rate.reset_ms(self) + 1000))
end

-- Windows: beginning, end, units used, limit; and of each process that has leases its name, the units that
-- it was granted and did not give back, and the number of what it gave back last.

local window = {}

-- Where the window of now begins and ends: nothing where the clocks are windows apart.
local function bounds(form, a, b, c, d, stored_end)
  if form == 'f' then
    local begin = now_ms - (now_ms - a) % b
    return begin, begin + b
  end
  if form == 'o' then
    return now_ms, now_ms + a
  end
  if now_ms >= a and now_ms < b then return a, b end
  if now_ms >= b and now_ms < c then return b, c end
  if now_ms >= c and now_ms < d then return c, d end
end

function window.new(key, limit, form, a, b, c, d)
  local self = { key = key, limit = limit, used = 0, leases = '' }
  local from, to = bounds(form, a, b, c, d)
  if not from then return nil end
  local stored = redis.call('GET', key)
  if stored then
    local begin, finish, used, _, leases = string.match(stored, '^(%-?%d+) (%-?%d+) (%d+) (%d+)(.*)$')
    begin, finish = tonumber(begin), tonumber(finish)
    local same
    if form == 'o' then same = begin and now_ms < finish else same = begin and begin >= from end
    if same then
      from, to = begin, finish
      self.used, self.leases = tonumber(used), leases
    end
  end
  self.from, self.to = from, to
  return self
end

function window.left(self)
  return math.max(self.limit - self.used, 0)
end

function window.reset_ms(self)
  return math.max(self.to - now_ms, 0)
end

function window.write(self)
  if self.used == 0 and self.leases == '' then
    redis.call('DEL', self.key)
    return
  end
  local value = text(self.from) .. ' ' .. text(self.to) .. ' ' .. text(self.used) .. ' '
    .. text(self.limit) .. self.leases
  redis.call('SET', self.key, value, 'PX', text(window.reset_ms(self) + MEMORY_MS))
end

-- Remembers what a process was granted; 1 if there was room for it.
function window.lend(self, process, units, most)
  local found
  self.leases, found = string.gsub(self.leases, '( ' .. process .. ':)(%d+)', function(name, granted)
    return name .. text(tonumber(granted) + units)
  end)
  if found == 1 then return 1 end
  local _, count = string.gsub(self.leases, ' ', '')
  if count >= most then return 0 end
  self.leases = self.leases .. ' ' .. process .. ':' .. text(units) .. ':0'
  return 1
end

-- Takes back what a process was granted: what is numbered lower than the last was told before.
function window.give_back(self, process, number, units)
  local granted, last = string.match(self.leases, ' ' .. process .. ':(%d+):(%d+)')
  if not granted or number <= tonumber(last) then return 0 end
  units = math.min(units, tonumber(granted), self.used)
  self.used = self.used - units
  self.leases = string.gsub(self.leases, '( ' .. process .. ':)%d+:%d+', function(name)
    return name .. text(tonumber(granted) - units) .. ':' .. text(number)
  end)
  return units
end
