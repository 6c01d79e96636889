-- Gives back one request (see admit.lua). KEYS: what was counted. ARGV: the period.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stored = tonumber(redis.call('GET', KEYS[1]) or now)
local at = stored - tonumber(ARGV[1])
if at > now then
  redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000))
elseif stored > now then
  redis.call('DEL', KEYS[1])
end
