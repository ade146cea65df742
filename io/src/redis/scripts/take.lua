-- Takes the costs of all charges, or of none; with `peek` nothing is written.
--
-- ARGV: 'take' or 'peek', name of a hold; then for each key
-- letter, cost, owed, limit or n, and five more of its kind.

local kinds = {}

-- n, period in microseconds, burst
function kinds.r(key, cost, owed, n, arg)
  local self = rate.new(key, n, tonumber(arg[1]), tonumber(arg[2]))
  if owed > 0 then rate.take(self, owed) end
  local fits = cost == 0 or rate.fits(self, cost)
  local retry = fits and 0 or rate.retry_ms(self, cost)
  return fits, retry, function(taken)
    if taken then rate.take(self, cost) end
    return rate.left(self), rate.reset_ms(self), 0, function() rate.write(self) end
  end
end

-- limit, form, and four of the form
function kinds.w(key, cost, owed, limit, arg)
  local self = window.new(key, limit, arg[1], tonumber(arg[2]), tonumber(arg[3]),
    tonumber(arg[4]), tonumber(arg[5]))
  if not self then return nil end
  self.used = self.used + owed
  local fits = cost == 0 or self.used + cost <= limit
  local retry = fits and 0 or math.max(window.reset_ms(self), 1)
  return fits, retry, function(taken)
    if taken then self.used = self.used + cost end
    return window.left(self), window.reset_ms(self), self.from, function() window.write(self) end
  end
end

-- limit, span: each charge is a member with its time and all that was charged up to it
function kinds.s(key, cost, owed, limit, arg)
  local span = tonumber(arg[1]) * 1000
  local cutoff = text(now_us - span)
  local base = redis.call('ZREVRANGEBYSCORE', key, cutoff, '0', 'WITHSCORES', 'LIMIT', 0, 1)
  local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  -- Without an entry that counts, the last is a negative score: what the limit is.
  local total = last[1] and tonumber(last[2]) >= 0 and tonumber(last[1]) or 0
  local before = base[1] and tonumber(base[1]) or 0
  -- Times do not go back.
  local at = math.max(now_us, last[2] and tonumber(last[2]) or 0)
  local used = total - before + owed
  local fits = cost == 0 or used + cost <= limit
  local retry = 0
  if not fits then
    retry = math.ceil(span / 1000)
    local entries = redis.call('ZRANGEBYSCORE', key, '(' .. cutoff, '+inf', 'WITHSCORES')
    for i = 1, #entries, 2 do
      if used - (tonumber(entries[i]) - before) + cost <= limit then
        retry = math.max(ceil_ms(tonumber(entries[i + 1]) + span - now_us), 1)
        break
      end
    end
  end
  return fits, retry, function(taken)
    local more = owed + (taken and cost or 0)
    local left = math.max(limit - used - (taken and cost or 0), 0)
    local newest = more > 0 and at or (used > 0 and at or 0)
    local reset = (used > 0 or more > 0) and ceil_ms(newest + span - now_us) or 0
    -- What is settled later is found by its total.
    return left, reset, taken and total + more or 0, function()
      if base[2] then redis.call('ZREMRANGEBYSCORE', key, '0', '(' .. base[2]) end
      if more > 0 then
        if not last[1] then redis.call('ZADD', key, 0, string.format('%016.0f', 0)) end
        redis.call('ZADD', key, text(at), string.format('%016.0f', total + more))
        redis.call('ZADD', key, text(-limit), 'limit')
        redis.call('PEXPIRE', key, text(math.ceil((at - now_us + span) / 1000) + 1000))
      end
    end
  end
end

-- limit, span: two counters, the one before weighed by what of it the span still covers
function kinds.t(key, cost, owed, limit, arg)
  local span = tonumber(arg[1])
  local from = now_ms - now_ms % span
  local current, before = 0, 0
  local stored = redis.call('GET', key)
  if stored then
    local begin, one, other = string.match(stored, '^(%d+) (%d+) (%d+)')
    begin, one, other = tonumber(begin), tonumber(one), tonumber(other)
    if begin and begin >= from then
      from, current, before = begin, one, other
    elseif begin and begin == from - span then
      before = one
    end
  end
  current = current + owed
  local into = math.max(now_ms - from, 0)
  -- Rounded up: of the two counters' errors, the one that denies.
  local used = current + math.ceil(before * (span - into) / span)
  local fits = cost == 0 or used + cost <= limit
  return fits, fits and 0 or math.max(span - into, 1), function(taken)
    local more = taken and cost or 0
    current = current + more
    return math.max(limit - used - more, 0), 2 * span - into, from, function()
      local value = text(from) .. ' ' .. text(current) .. ' ' .. text(before) .. ' ' .. text(limit)
        .. ' ' .. text(span)
      redis.call('SET', key, value, 'PX', text(2 * span - into + MEMORY_MS))
    end
  end
end

-- limit, lease: each unit in flight is a member with the time at which it is free again
function kinds.c(key, cost, owed, limit, arg)
  local lease = tonumber(arg[1])
  local hold = arg.hold
  local free = text(now_ms)
  local used = redis.call('ZCOUNT', key, '(' .. free, '+inf')
  local fits = cost == 0 or used + cost <= limit
  local retry = 0
  if not fits then
    -- The unit whose end makes room.
    local rank = math.min(used + cost - limit, used) - 1
    local entry = redis.call('ZRANGEBYSCORE', key, '(' .. free, '+inf', 'WITHSCORES', 'LIMIT',
      text(math.max(rank, 0)), 1)
    retry = entry[2] and math.max(tonumber(entry[2]) - now_ms, 1) or lease
  end
  return fits, retry, function(taken)
    local more = taken and cost or 0
    return math.max(limit - used - more, 0), (used + more > 0) and lease or 0, 0, function()
      redis.call('ZREMRANGEBYSCORE', key, '0', free)
      for unit = 1, more do
        redis.call('ZADD', key, text(now_ms + lease), hold .. ':' .. text(unit))
      end
      if more > 0 then
        redis.call('ZADD', key, text(-limit), 'limit')
        redis.call('PEXPIRE', key, text(lease + 1000))
      end
    end
  end
end

-- limit, form, four of the form, and the member: a field of the window's hash
function kinds.d(key, cost, owed, limit, arg)
  local from, to = bounds(arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5]))
  if not from then return nil end
  local member = arg[6]
  local begin, finish = unpack(redis.call('HMGET', key, 'from', 'to'))
  begin, finish = tonumber(begin), tonumber(finish)
  local same
  if arg[1] == 'o' then same = begin and now_ms < finish else same = begin and begin >= from end
  local used, known = 0, false
  if same then
    from, to = begin, finish
    used = redis.call('HLEN', key) - 3
    known = redis.call('HEXISTS', key, member) == 1
  end
  local fits = known or used < limit
  local reset = math.max(to - now_ms, 0)
  return fits, fits and 0 or math.max(reset, 1), function(taken)
    local more = (taken and not known) and 1 or 0
    return math.max(limit - used - more, 0), reset, from, function()
      if more == 0 then return end
      if not same then redis.call('DEL', key) end
      redis.call('HSET', key, 'from', text(from), 'to', text(to), 'limit', text(limit), member, '1')
      redis.call('PEXPIRE', key, text(reset + MEMORY_MS))
    end
  end
end

local WIDTH = 10
local found, all = {}, true
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * WIDTH
  local arg = { hold = ARGV[2] }
  for j = 1, 6 do arg[j] = ARGV[at + 3 + j] end
  local cost, owed = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local fits, retry, finish = kinds[ARGV[at]](key, cost, owed, tonumber(ARGV[at + 3]), arg)
  if fits == nil then return redis.error_reply('GTCLOCK ' .. text(now_ms)) end
  all = all and fits
  found[i] = { fits, retry, finish, owed > 0 }
end

-- The name comes back, so that nobody takes the answer for that of another question.
local answer = { tonumber(ARGV[2]) }
for _, one in ipairs(found) do
  local left, reset, from, write = one[3](all and ARGV[1] == 'take')
  -- Refused and nothing owed leaves everything as it is.
  if ARGV[1] == 'take' and (all or one[4]) then write() end
  answer[#answer + 1] = one[1] and 1 or 0
  answer[#answer + 1] = left
  answer[#answer + 1] = reset
  answer[#answer + 1] = one[2]
  answer[#answer + 1] = from
end
return answer
