-- One GCRA decision (see gcra.rs) on Redis' own clock, so that processes whose clocks differ count alike.
-- KEYS[1] the key, ARGV[1] the period and ARGV[2] the tolerance (period * burst), in microseconds.
-- Answers {allowed, microseconds until the bucket is full}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local period, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
-- Stored before the clock was set back: forgotten, or it would refuse until then.
if arrival > now + tolerance then
  arrival = now
end
local next = arrival + period
if next - now > tolerance then
  return {0, arrival - now}
end
-- %.0f: Lua would write a number of this size with an exponent and lose digits.
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.max(1, math.ceil((next - now) / 1000)))
return {1, next - now}
