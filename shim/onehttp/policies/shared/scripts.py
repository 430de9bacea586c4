"""The Lua scripts that the server runs atomically: admit an attempt, and record its end.

Times are those of the server, in microseconds, so the clocks of the machines need not agree. A
permit is a *lease*: an item of a sorted set with its end as the score. Its holder renews it, so
permits of a killed process become free by themselves. Because of the lease, an end is counted
once, however often it is reported.

It needs Redis 5 or Valkey: in older servers a script that has read the time must not write.
"""

from __future__ import annotations

from typing import Final

ADMITTED: Final = 0
CIRCUIT_OPEN: Final = 1
NO_PLACE: Final = 2
TOO_LATE: Final = 3
"""The attempt would have to wait for longer than it can."""

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""

# KEYS: places, rate, circuit, trials.
# ARGV: token, lease, concurrent (0: not limited), interval (0: not limited), tolerance,
#       patience (-1: without end), failures (0: no circuit), trials.
# Returns {one of the above, microseconds until the start, era of the circuit}.
# Nothing is written unless it is admitted. The rate is by the generic cell rate algorithm, as in
# `onehttp.policies.limits`.
ENTER: Final = f"""{_NOW}
local token, lease, concurrent = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local interval, tolerance, patience = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local failures, trials = tonumber(ARGV[7]), tonumber(ARGV[8])
local era, state = 0, false
if failures > 0 then
  local circuit = redis.call('HMGET', KEYS[3], 'state', 'until', 'era', 'passed')
  state, era = circuit[1], tonumber(circuit[3] or 0)
  if state == 'open' and now < tonumber(circuit[2]) then return {{{CIRCUIT_OPEN}, 0, 0}} end
  if state == 'half-open' then
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
    if redis.call('ZCARD', KEYS[4]) + tonumber(circuit[4] or 0) >= trials then
      return {{{CIRCUIT_OPEN}, 0, 0}}
    end
  end
end
if concurrent > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  if redis.call('ZCARD', KEYS[1]) >= concurrent then return {{{NO_PLACE}, 0, 0}} end
end
local wait = 0
if interval > 0 then
  local arrival = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), now)
  wait = math.max(arrival - tolerance - now, 0)
  if patience >= 0 and wait > patience then return {{{TOO_LATE}, wait, 0}} end
  local next_at = arrival + interval
  redis.call('SET', KEYS[2], string.format('%.0f', next_at),
             'PX', string.format('%.0f', math.ceil((next_at - now) / 1000) + 1000))
end
local lease_ms = string.format('%.0f', math.ceil(lease / 500))
redis.call('ZADD', KEYS[1], now + lease, token)
redis.call('PEXPIRE', KEYS[1], lease_ms)
if state == 'open' then
  era = era + 1
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[3], 'state', 'half-open', 'era', era, 'passed', 0)
end
if state == 'open' or state == 'half-open' then
  redis.call('ZADD', KEYS[4], now + lease, token)
  redis.call('PEXPIRE', KEYS[4], lease_ms)
end
return {{{ADMITTED}, wait, era}}
"""

WELL: Final = 1
FAILED: Final = 0
NOTHING: Final = -1
OPENED: Final = 1
CLOSED: Final = 2

# KEYS: as above. ARGV: token, era, one of those verdicts, failures, time open, trials.
# Returns OPENED or CLOSED if the state of the circuit has changed to it, otherwise 0.
LEAVE: Final = f"""{_NOW}
local era, verdict = tonumber(ARGV[2]), tonumber(ARGV[3])
local failures, open, trials = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
redis.call('ZREM', KEYS[4], ARGV[1])
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
if failures == 0 or verdict == {NOTHING} then return 0 end
local circuit = redis.call('HMGET', KEYS[3], 'state', 'era', 'failures')
if tonumber(circuit[2] or 0) ~= era then return 0 end
local is_trial, change = circuit[1] == 'half-open', 0
if verdict == {WELL} then
  if is_trial and redis.call('HINCRBY', KEYS[3], 'passed', 1) >= trials then
    redis.call('HSET', KEYS[3], 'state', 'closed', 'era', era + 1)
    change = {CLOSED}
  end
  if (circuit[3] or '0') == '0' and change == 0 then return 0 end
  redis.call('HSET', KEYS[3], 'failures', 0)
else
  local failed = redis.call('HINCRBY', KEYS[3], 'failures', 1)
  if is_trial or failed >= failures then
    redis.call('HSET', KEYS[3], 'state', 'open', 'era', era + 1,
               'until', string.format('%.0f', now + open))
    change = {OPENED}
  end
end
redis.call('PEXPIRE', KEYS[3], string.format('%.0f', 86400000 + open / 1000))
return change
"""

# KEYS: as above. ARGV: lease, tokens whose leases are renewed.
RENEW: Final = f"""{_NOW}
local lease = tonumber(ARGV[1])
for index = 2, #ARGV do
  redis.call('ZADD', KEYS[1], 'XX', now + lease, ARGV[index])
  redis.call('ZADD', KEYS[4], 'XX', now + lease, ARGV[index])
end
for index = 1, 4, 3 do
  redis.call('PEXPIRE', KEYS[index], string.format('%.0f', math.ceil(lease / 500)))
end
return 0
"""
