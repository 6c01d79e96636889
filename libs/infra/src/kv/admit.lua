-- One request under several limits (GCRA, see domain's rate.rs), on Redis' own clock, so that processes whose clocks differ count alike.
-- KEYS: what is counted. ARGV, four for each key: the period, the tolerance (period * burst), how many earlier requests were unreported, and how
-- long ago the latest of those came.
-- Answers two numbers for each key: whether it allows the request, and microseconds until its bucket is full.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local pass, arrivals, answer = true, {}, {}
for i, key in ipairs(KEYS) do
  local period, tolerance = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local unreported, latest = tonumber(ARGV[4 * i - 1]), now - tonumber(ARGV[4 * i])
  local deepest = now + 2 * tolerance
  local stored = tonumber(redis.call('GET', key) or latest)
  -- Stored before the clock was set back: forgotten, or it would refuse until then.
  if stored > deepest then
    stored = latest
  end
  arrivals[i] = math.min(math.max(math.max(stored, latest) + unreported * period, now), deepest)
  local allows = arrivals[i] + period - now <= tolerance or period == 0
  pass = pass and allows
  answer[2 * i - 1] = allows and 1 or 0
end
for i, key in ipairs(KEYS) do
  local unreported = tonumber(ARGV[4 * i - 1])
  if pass then
    arrivals[i] = arrivals[i] + tonumber(ARGV[4 * i - 3])
  end
  local ahead = arrivals[i] - now
  if ahead > 0 and (pass or unreported > 0) then
    -- %.0f: Lua would write a number of this size with an exponent and lose digits.
    redis.call('SET', key, string.format('%.0f', arrivals[i]), 'PX', math.ceil(ahead / 1000))
  end
  answer[2 * i] = ahead
end
return answer
