import { createHash } from "node:crypto";

/**
 * The scripts: each is one atomic step, and each checks first who is asking.
 *
 * The state of a gateway id is a hash:
 * - `owner`, `token`: the process that works under the id, and the number of its ownership;
 *   `released`: there when it has given the lease up;
 * - `formerOwner`, `formerToken`: the same of the ownership before;
 * - `first`, `next`: the oldest segment that is not done, and the number of the next one; `claimed:N`:
 *   when segment N was claimed; `clock`: when the queue was last found empty, to the second;
 * - `checkpoint`, `journal`, `entries`: the last commit, and where the state is that it left;
 * - `building`: a journal that was begun and does not count yet; `begun`, `ahead`: the greatest number
 *   of a commit for which the owner has written entries, and up to which one;
 * - `format`: of the above and of the journal.
 * The numbers are ours: a script that is sent again finds its own work done and answers the same.
 *
 * When Redis is over its `maxmemory`, a script's first write must be one that needs no memory;
 * after it every write is let through. So RENAME, UNLINK and LTRIM (even one that cuts nothing)
 * stand before HSET: a full Redis can still be drained.
 */

/** The format that these scripts write, and the latest that they read. */
export const STATE_FORMAT = 1;

const CHECK_OWNER = `
local owner = redis.call('HMGET', KEYS[1], 'owner', 'token', 'released')
if not owner[1] then return redis.error_reply('STATELOST the state of this gateway id is gone') end
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] or owner[3] then
  return redis.error_reply('NOTOWNER another process works under this gateway id')
end
`;

/**
 * KEYS: state, lease, released, a key that is never there, the dead letters' list or the former,
 * the queue.
 * ARGV: our name, our identity, the lease in ms, the identity of a holder that is gone or '', the
 * greatest token that we have seen, whether we stand back from a state that has forgotten it (1),
 * our next segment number, our oldest segment that is not done, our format.
 *
 * Returns {0, holder's identity, ms left, token} or {1, token, former owner, former token, first,
 * next, next before, checkpoint, journal, entries, building, length of the queue}.
 */
export const ACQUIRE = `
local known = redis.call('HMGET', KEYS[1], 'owner', 'token', 'first', 'next', 'checkpoint', 'journal', 'entries', 'building', 'format', 'formerOwner', 'formerToken')
if tonumber(known[9] or 0) > tonumber(ARGV[9]) then
  return redis.error_reply('NEWFORMAT the state is of format ' .. known[9] .. ', this version reads up to ' .. ARGV[9])
end
local kind = redis.call('TYPE', KEYS[5])['ok']
if kind ~= 'none' and kind ~= 'list' then
  return redis.error_reply('WRONGTYPE Redis.DeadLetterKey holds a ' .. kind .. ', not a list')
end
local token = tonumber(known[2] or 0)
local seen = tonumber(ARGV[5])
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] and holder ~= ARGV[4] then
  return {0, holder, redis.call('PTTL', KEYS[2]), token}
end
if token < seen and ARGV[6] == '1' then return {0, '', -1, token} end
local formerOwner = known[10] or ''
local formerToken = tonumber(known[11] or 0)
if known[1] ~= ARGV[1] or token < seen then
  formerOwner = known[1] or ''
  formerToken = token
  token = math.max(token, seen) + 1
end
redis.call('UNLINK', KEYS[4], KEYS[3])
redis.call('HDEL', KEYS[1], 'released')
if token ~= tonumber(known[2] or 0) then redis.call('HDEL', KEYS[1], 'begun', 'ahead') end
local nextBefore = tonumber(known[4] or 0)
local next = math.max(nextBefore, tonumber(ARGV[7]))
local first = known[3] and tonumber(known[3]) or tonumber(ARGV[8])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', token, 'first', first, 'next', next, 'formerOwner', formerOwner, 'formerToken', formerToken)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
local waiting = redis.pcall('LLEN', KEYS[6])
return {1, token, formerOwner, formerToken, first, next, nextBefore, tonumber(known[5] or 0), known[6] or '', tonumber(known[7] or 0), known[8] or '', type(waiting) == 'number' and waiting or 0}
`;

/** KEYS: state, lease, a key that is never there. ARGV: owner, token, identity, lease in ms. */
export const RENEW = `${CHECK_OWNER}
redis.call('UNLINK', KEYS[3])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return 1
`;

/**
 * KEYS: state, lease, released. ARGV: owner, token. The list wakes those that wait for the lease;
 * it is there until somebody acquires it. What we sent before and arrives late is refused.
 */
export const RELEASE = `${CHECK_OWNER}
redis.call('UNLINK', KEYS[2], KEYS[3])
redis.call('LPUSH', KEYS[3], ARGV[2])
redis.call('HSET', KEYS[1], 'released', 1)
return 1
`;

/**
 * KEYS: state, queue, segment. ARGV: owner, token, segment number, the time.
 * Returns {length, bytes of memory, when it was claimed}; {0} when the queue is empty; {-1} when the
 * segment was claimed by an earlier call and is gone. A segment of that number that is there already is
 * ours. None is claimed at a time before one at which the queue was found empty, though this call may
 * have been sent before and come late.
 */
export const CLAIM = `${CHECK_OWNER}
local known = redis.call('HMGET', KEYS[1], 'next', 'clock')
local next = tonumber(known[1])
local clock = known[2]
local number = tonumber(ARGV[3])
if next ~= number and next ~= number + 1 then
  return redis.error_reply('STATEOLD the next segment is ' .. next .. ', not ' .. number)
end
if redis.call('EXISTS', KEYS[3]) == 0 then
  if next == number + 1 then return {-1} end
  local kind = redis.call('TYPE', KEYS[2])['ok']
  if kind == 'none' then
    if math.floor(ARGV[4] / 1000) > math.floor((clock or 0) / 1000) then
      redis.call('UNLINK', KEYS[3])
      redis.call('HSET', KEYS[1], 'clock', ARGV[4])
    end
    return {0}
  end
  if kind ~= 'list' then return redis.error_reply('WRONGTYPE the queue key holds a ' .. kind .. ', not a list') end
  redis.call('RENAME', KEYS[2], KEYS[3])
end
if next == number then
  redis.call('LTRIM', KEYS[3], 0, -1)
  local claimed = ARGV[4]
  if clock and tonumber(clock) > tonumber(claimed) then claimed = clock end
  redis.call('HSET', KEYS[1], 'next', number + 1, 'claimed:' .. number, claimed)
end
local memory = redis.pcall('MEMORY', 'USAGE', KEYS[3])
local claimed = redis.call('HGET', KEYS[1], 'claimed:' .. number)
return {redis.call('LLEN', KEYS[3]), type(memory) == 'number' and memory or 0, tonumber(claimed or 0)}
`;

/**
 * KEYS: state, segment, a key that is never there. ARGV: segment number. Returns the segment's length.
 * Asked when a range came back short: the write is refused by a replica, and a state that does not
 * know of the claim is not the one that the owner works with.
 */
export const VERIFY = `
redis.call('UNLINK', KEYS[3])
local next = redis.call('HGET', KEYS[1], 'next')
if not next then return redis.error_reply('STATELOST the state of this gateway id is gone') end
if tonumber(next) <= tonumber(ARGV[1]) then
  return redis.error_reply('STATEOLD segment ' .. ARGV[1] .. ' is not claimed')
end
return redis.call('LLEN', KEYS[2])
`;

/**
 * KEYS: state, segment. ARGV: owner, token, segment number. Returns what `CLAIM` returns of a segment
 * that is there.
 */
export const INSPECT = `${CHECK_OWNER}
local memory = redis.pcall('MEMORY', 'USAGE', KEYS[2])
local claimed = redis.call('HGET', KEYS[1], 'claimed:' .. ARGV[3])
return {redis.call('LLEN', KEYS[2]), type(memory) == 'number' and memory or 0, tonumber(claimed or 0)}
`;

/**
 * KEYS: state, journal, then what is to be deleted: at least one key, journals that were begun and
 * will never count. ARGV: owner, token, the journal's name, the entry's index, its bytes, the number
 * of the commit that it is for: once that was made, or given up for another one, a late repetition
 * must leave nothing behind.
 */
export const WRITE_ENTRY = `${CHECK_OWNER}
local last = redis.call('HMGET', KEYS[1], 'checkpoint', 'begun', 'ahead', 'journal', 'entries')
local number = tonumber(ARGV[6])
local begun = tonumber(last[2] or 0)
if tonumber(last[1] or 0) >= number or begun > number then return 0 end
local ahead = last[4] == ARGV[3] and tonumber(last[5]) or 0
if begun == number then ahead = tonumber(last[3]) end
if tonumber(ARGV[4]) > ahead then
  return redis.error_reply('STATEOLD entries are gone that were written ahead')
end
for i = 3, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
redis.call('HSET', KEYS[1], 'begun', number, 'ahead', math.max(ahead, ARGV[4] + 1))
if last[4] ~= ARGV[3] then redis.call('HSET', KEYS[1], 'building', ARGV[3]) end
return 1
`;

/**
 * KEYS: state, the oldest segment not done, the journal, the dead letters' list, then what is to be
 * deleted: at least one key, the segments that are done and journals that no longer count.
 * ARGV: owner, token, number, the number that must be the last one or '', the number of the oldest
 * segment not done, how many of its elements are left or 0 for all, the journal's name or '', the
 * index and the bytes of its last entry, whether entries were written ahead (1), the format, how long
 * the dead letters' list may become, then dead letters.
 *
 * Elements are counted from the newest end, which is never cut. What a user may not do is found out
 * before anything is done (from Redis 7 on, where a script can ask): half a commit would be a loss.
 */
export const COMMIT = `${CHECK_OWNER}
if redis.acl_check_cmd then
  local needed = {{'UNLINK', 5}, {'LTRIM', 2}, {'HSET', 1}, {'HSET', 3}, {'HDEL', 1}}
  if #ARGV > 12 then needed[6], needed[7] = {'LPUSH', 4}, {'LTRIM', 4} end
  for _, check in ipairs(needed) do
    local command = check[1]
    if not redis.acl_check_cmd(command, KEYS[check[2]]) then
      return redis.error_reply("NOPERM this user has no permissions to run the '" .. string.lower(command) .. "' command")
    end
  end
end
local known = redis.call('HMGET', KEYS[1], 'checkpoint', 'begun', 'ahead', 'first')
local last = tonumber(known[1] or 0)
if last >= tonumber(ARGV[3]) then return 0 end
if ARGV[4] ~= '' and last ~= tonumber(ARGV[4]) then
  return redis.error_reply('STATEOLD the last checkpoint is ' .. last .. ', not ' .. ARGV[4])
end
if ARGV[10] == '1' and (known[2] ~= ARGV[3] or known[3] ~= ARGV[8]) then
  return redis.error_reply('STATEOLD entries are gone that were written ahead')
end
for i = 5, #KEYS, 1000 do redis.call('UNLINK', unpack(KEYS, i, math.min(i + 999, #KEYS))) end
local left = tonumber(ARGV[6])
if left > 0 then redis.call('LTRIM', KEYS[2], 0, left - 1) end
if ARGV[7] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[8], ARGV[9])
  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[3], 'first', ARGV[5], 'journal', ARGV[7], 'entries', ARGV[8] + 1, 'format', ARGV[11])
else
  redis.call('HDEL', KEYS[1], 'journal', 'entries')
  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[3], 'first', ARGV[5], 'format', ARGV[11])
end
redis.call('HDEL', KEYS[1], 'building')
for n = tonumber(known[4] or ARGV[5]), ARGV[5] - 1 do redis.call('HDEL', KEYS[1], 'claimed:' .. n) end
if #ARGV > 12 then
  for i = 13, #ARGV, 1000 do redis.call('LPUSH', KEYS[4], unpack(ARGV, i, math.min(i + 999, #ARGV))) end
  redis.call('LTRIM', KEYS[4], 0, ARGV[12] - 1)
end
return 1
`;

const SCRIPTS = [ACQUIRE, RENEW, RELEASE, CLAIM, VERIFY, INSPECT, WRITE_ENTRY, COMMIT];

/** The command in a line of the script that has this SHA-1; lines count from 1. */
export function commandAt(sha: string, line: number): string | undefined {
  const isMeant = (script: string) => createHash("sha1").update(script).digest("hex") === sha;
  const text = SCRIPTS.find(isMeant)?.split("\n")[line - 1] ?? "";
  return /redis\.p?call\('(\w+)'/.exec(text)?.[1]?.toLowerCase();
}
