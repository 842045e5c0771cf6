/**
 * The scripts: each is one atomic step, and each checks first who is asking.
 *
 * The state of a gateway id is a hash of `owner` (the process that works under the id), `first`
 * (the oldest segment not confirmed) and `next` (the number of the next segment). Numbers are ours:
 * a script that is sent again finds its own work done and answers the same.
 *
 * When Redis is over its `maxmemory`, a script's first write must be one that needs no memory;
 * after it every write is let through. So RENAME, UNLINK and LTRIM (even one that cuts nothing) stand
 * before HSET: a full Redis can still be drained.
 */

const CHECK_OWNER = `
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return redis.error_reply('STATELOST the state of this gateway id is gone') end
if owner ~= ARGV[1] then return redis.error_reply('NOTOWNER another process works under this gateway id') end
`;

/**
 * KEYS: state, a key that is never there. ARGV: our owner name, our next segment number, our
 * oldest segment that is not confirmed, and whether we take over from an owner (1) or only where
 * there is none (0). Returns {first, next}.
 */
export const ACQUIRE = `
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] and ARGV[4] == '0' then
  return redis.error_reply('NOTOWNER another process works under this gateway id')
end
redis.call('UNLINK', KEYS[2])
local known = redis.call('HMGET', KEYS[1], 'first', 'next')
local next = math.max(tonumber(known[2] or 0), tonumber(ARGV[2]))
local first = known[1] and tonumber(known[1]) or tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'first', first, 'next', next)
return {first, next}
`;

/**
 * KEYS: state, queue, segment. ARGV: owner, segment number.
 * Returns {length, bytes of memory}; {0, 0} when the queue is empty; {-1, 0} when the segment was
 * claimed by an earlier call and is gone. A segment of that number that is there already is ours.
 */
export const CLAIM = `${CHECK_OWNER}
local next = tonumber(redis.call('HGET', KEYS[1], 'next'))
local number = tonumber(ARGV[2])
if next > number + 1 then return redis.error_reply('STATELOST segments were claimed that we do not know of') end
if redis.call('EXISTS', KEYS[3]) == 0 then
  if next == number + 1 then return {-1, 0} end
  local kind = redis.call('TYPE', KEYS[2])['ok']
  if kind == 'none' then return {0, 0} end
  if kind ~= 'list' then return redis.error_reply('WRONGTYPE the queue key holds a ' .. kind .. ', not a list') end
  redis.call('RENAME', KEYS[2], KEYS[3])
end
if next ~= number + 1 then
  redis.call('LTRIM', KEYS[3], 0, -1)
  redis.call('HSET', KEYS[1], 'next', number + 1)
end
local memory = redis.pcall('MEMORY', 'USAGE', KEYS[3])
return {redis.call('LLEN', KEYS[3]), type(memory) == 'number' and memory or 0}
`;

/** KEYS: state, segment. ARGV: owner. Returns {length, bytes of memory} of a claimed segment. */
export const INSPECT = `${CHECK_OWNER}
local memory = redis.pcall('MEMORY', 'USAGE', KEYS[2])
return {redis.call('LLEN', KEYS[2]), type(memory) == 'number' and memory or 0}
`;

/**
 * KEYS: state, the segment that the position is in, then the segments that are done.
 * ARGV: owner, the number of that segment, how many of its elements are left.
 * Elements are counted from the newest end, which is never cut: a repetition changes nothing.
 */
export const CONFIRM = `${CHECK_OWNER}
if #KEYS > 2 then redis.call('UNLINK', unpack(KEYS, 3)) end
local left = tonumber(ARGV[3])
if left > 0 then redis.call('LTRIM', KEYS[2], 0, left - 1) else redis.call('UNLINK', KEYS[2]) end
redis.call('HSET', KEYS[1], 'first', ARGV[2])
return 1
`;
