-- What counters hold, for people: of each key used, leased, limit and reset in ms.
--
-- ARGV: a letter for each key.

local answer = {}
local function add(used, leased, of, reset)
  answer[#answer + 1] = math.max(used, 0)
  answer[#answer + 1] = leased
  answer[#answer + 1] = of
  answer[#answer + 1] = math.max(reset, 0)
end

local function numbers(stored)
  local found = {}
  for number in string.gmatch(stored, '%-?%d+') do found[#found + 1] = tonumber(number) end
  return found
end

local kinds = {}

function kinds.r(key)
  local f = numbers(redis.call('GET', key) or '')
  if not f[5] then return add(0, 0, 0, 0) end
  local self = rate.new(key, f[3], f[4], f[5])
  add(f[5] - rate.left(self), 0, f[5], rate.reset_ms(self))
end

function kinds.w(key)
  local stored = redis.call('GET', key) or ''
  local f = numbers(stored)
  if not f[4] or f[2] <= now_ms then return add(0, 0, f[4] or 0, 0) end
  local leased = 0
  for units in string.gmatch(stored, ' %d+:(%d+):') do leased = leased + tonumber(units) end
  add(f[3], leased, f[4], f[2] - now_ms)
end

function kinds.t(key)
  local f = numbers(redis.call('GET', key) or '')
  if not f[5] then return add(0, 0, 0, 0) end
  local into = now_ms - f[1]
  local current, before = f[2], f[3]
  if into >= f[5] then current, before, into = 0, into < 2 * f[5] and f[2] or 0, into - f[5] end
  add(current + math.ceil(before * math.max(f[5] - into, 0) / f[5]), 0, f[4], redis.call('PTTL', key))
end

function kinds.s(key)
  local of = -(tonumber(redis.call('ZSCORE', key, 'limit')) or 0)
  local first = redis.call('ZRANGEBYSCORE', key, '0', '+inf', 'LIMIT', 0, 1)
  local last = redis.call('ZREVRANGE', key, 0, 0)
  add(first[1] and tonumber(last[1]) - tonumber(first[1]) or 0, 0, of, redis.call('PTTL', key))
end

function kinds.c(key)
  local of = -(tonumber(redis.call('ZSCORE', key, 'limit')) or 0)
  add(redis.call('ZCOUNT', key, '(' .. text(now_ms), '+inf'), 0, of, redis.call('PTTL', key))
end

function kinds.d(key)
  local f = redis.call('HMGET', key, 'limit', 'to')
  local reset = (tonumber(f[2]) or 0) - now_ms
  add(reset > 0 and redis.call('HLEN', key) - 3 or 0, 0, tonumber(f[1]) or 0, reset)
end

for i, key in ipairs(KEYS) do kinds[ARGV[i]](key) end
return answer
