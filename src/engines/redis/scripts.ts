import { createHash } from 'node:crypto'
import { MAIL } from '../../store/mail.ts'
import { tagOf } from './keys.ts'

// What Redis itself does. One namespace is a few keys that begin with one hash tag, of which the scripts are given the first:
//   log     a hash: h the id of the newest commit, n how many keys were ever added, c the checkpoints,
//           o and u who alone may write and until when (a hold has a dot in its name), l who waits for that (others just try again),
//           d:<writer> what a writer's last commit was: one that is sent again is not made again,
//           e: some keys may be ephemeral (see presence.ts)
//   values  a hash of the encoded values             order   a sorted set: the keys in the order in which they came
//   stream  the commits. An entry's id is <revision>-<microseconds>, its only field is named by the id before it.
// A checkpoint is a copy of values and order at some revision: with the commits after it, the state at any later one.

export interface Script {
  source: string
  sha: string
}

/** All that there are. */
export const loaded: Script[] = []

export function script(source: string): Script {
  const made = { source, sha: createHash('sha1').update(source).digest('hex') }
  loaded.push(made)
  return made
}

export const Status = { ok: 0, conflict: 1, wait: 2, lost: 3 } as const

/** Milliseconds after which somebody who waits for a turn, and does not ask again, is no longer waited for. */
const PATIENCE = 100
/** Entries that are sent to somebody whose state is behind; beyond, reading the state anew is less. */
export const BEHIND = 1000

/** Milliseconds for which it is known of a writer what its last commit was. */
const REMEMBERED = 600_000

/** Milliseconds for which the namespaces of a pool stay when nobody writes to them: their members write more often. */
const FORGOTTEN = 3_600_000

export const keys = `
local log = KEYS[1]
local tag = string.sub(log, 1, -4)
local values, order, stream = tag .. 'values', tag .. 'order', tag .. 'stream'
`

/**
 * ARGV one msgpack array: 1 the writer, 2 its number for this batch, 3 the id of the newest commit that it knows ('':
 * whatever it is), 4 historyLimit, 5 1: only while it is the one who may write; a text: only while
 * that session lasts, 6 ms for which it alone may write from now
 * on (-1: give that up), 7 the same in case of a conflict; then for each commit head, tail, count and for each of its keys
 * kind, key, said, value.
 */
export const commit = script(`${keys}
local t = cmsgpack.unpack(ARGV[1])
local writer, number, expected, limit, hold, slice = t[1], t[2], t[3], tonumber(t[4]), t[6], t[7]
local mark = 'd:' .. writer
local m = redis.call('HMGET', log, 'h', 'o', 'u', 'l', 'n', 'c', mark, 'e')
if m[7] and tonumber(string.match(m[7], '^%d+')) >= number then
  local head, before = string.match(m[7], ' (%S+) (%S+)$')
  return {0, head, before}
end
local head = m[1] or '0-0'
local last = tonumber(string.match(head, '^%d+'))
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local free = not m[2] or tonumber(m[3]) <= now
local mine = not free and m[2] == writer
if t[5] == 1 and not mine then return {3} end
if type(t[5]) == 'string' then
  local over = redis.call('ZSCORE', tag .. 'sessions', t[5])
  if not over or tonumber(over) <= now then return {3} end
end
if not mine and (m[4] or not free) then
  local line, at = {}, nil
  for _, waits in ipairs(m[4] and cmsgpack.unpack(m[4]) or {}) do
    if waits[1] == writer then waits[2] = now end
    if waits[2] > now - ${PATIENCE} then line[#line + 1] = waits end
    if waits[1] == writer then at = #line end
  end
  if not free or (#line > 0 and at ~= 1) then
    if not at and (hold > 0 or slice > 0) then line[#line + 1] = {writer, now} end
    if #line > 0 then redis.call('HSET', log, 'l', cmsgpack.pack(line)) else redis.call('HDEL', log, 'l') end
    return {2, free and 0 or tonumber(m[3]) - now, not free and string.find(m[2], '.', 1, true) or 0}
  end
  if at then table.remove(line, 1) end
  if #line > 0 then redis.call('HSET', log, 'l', cmsgpack.pack(line)) else redis.call('HDEL', log, 'l') end
end
local stale = expected ~= '' and expected ~= head
local keep = hold
if stale and hold == 0 and not mine then keep = slice end
if keep > 0 then redis.call('HSET', log, 'o', writer, 'u', string.format('%.0f', now + keep))
elseif keep < 0 and mine then redis.call('HDEL', log, 'o', 'u') end
if stale then
  local known = tonumber(string.match(expected, '^%d+'))
  if known > last or last - known > ${BEHIND} then return {1, head, false} end
  return {1, head, redis.call('XRANGE', stream, string.format('%.0f', known + 1), '+')}
end
local i, n = 8, #t
if i > n then return {0, head, head} end
local suffix = '-' .. time[1] .. string.sub('00000' .. time[2], -6)
local stamp = '\\203' .. struct.pack('>d', now)
local before, had = head, tonumber(m[5] or '0')
local added = had
while i < n do
  last = last + 1
  local parts, p, count = {t[i], stamp, t[i + 1]}, 3, t[i + 2]
  i = i + 3
  for _ = 1, count do
    local kind, key, said, value = t[i], t[i + 1], t[i + 2], t[i + 3]
    i = i + 4
    if kind == 4 then
      redis.call('HSET', tag .. 'tied', key, t[5])
      redis.call('HSET', log, 'e', 1)
      kind = 0
    elseif m[8] and kind < 3 then redis.call('HDEL', tag .. 'tied', key)
    elseif m[8] then redis.call('UNLINK', tag .. 'tied') end
    if kind < 2 then
      if redis.call('HSET', values, key, value) == 1 then
        added = added + 1
        redis.call('ZADD', order, added, key)
      end
      parts[p + 1] = said
      p = p + 1
      if kind == 0 then
        parts[p + 1] = key
        parts[p + 2] = value
        p = p + 2
      end
    else
      if kind == 2 then
        redis.call('HDEL', values, key)
        redis.call('ZREM', order, key)
      else
        redis.call('UNLINK', values, order)
      end
      p = p + 1
      parts[p] = said
    end
  end
  local id = last .. suffix
  redis.call('XADD', stream, id, head, table.concat(parts))
  head = id
end
local done = number .. ' ' .. head .. ' ' .. before
if added == had then redis.call('HSET', log, 'h', head, mark, done)
else redis.call('HSET', log, 'h', head, mark, done, 'n', added) end
local at = m[6] and tonumber(string.match(m[6], '%d+$')) or 0
if last - at >= 1000 and last - at >= redis.call('HLEN', values) then
  local from, kept = 0, {}
  redis.call('COPY', values, values .. ':' .. string.format('%.0f', last), 'REPLACE')
  redis.call('COPY', order, order .. ':' .. string.format('%.0f', last), 'REPLACE')
  local all = (m[6] or '') .. ' ' .. string.format('%.0f', last)
  for r in string.gmatch(all, '%d+') do
    if tonumber(r) <= last - limit then from = tonumber(r) end
  end
  for r in string.gmatch(all, '%d+') do
    if tonumber(r) >= from then kept[#kept + 1] = r
    else redis.call('UNLINK', values .. ':' .. r, order .. ':' .. r) end
  end
  if from > 0 then redis.call('XTRIM', stream, 'MINID', string.format('%.0f', from + 1)) end
  redis.call('HSET', log, 'c', table.concat(kept, ' '))
  local all = redis.call('HGETALL', log)
  for f = 1, #all, 2 do
    local ms = string.match(all[f], '^d:') and tonumber(string.match(all[f + 1], '%-(%d+)')) / 1000
    if ms and ms < now - ${REMEMBERED} then redis.call('HDEL', log, all[f]) end
  end
end
if string.find(log, '${tagOf(MAIL)}', 1, true) then
  for _, key in ipairs({log, values, order, stream}) do redis.call('PEXPIRE', key, ${FORGOTTEN}) end
end
return {0, head, before}
`)

const whole = `
local function whole(values, order)
  local keys, all = redis.call('ZRANGE', order, 0, -1), {}
  for i = 1, #keys, 4000 do
    all[#all + 1] = redis.call('HMGET', values, unpack(keys, i, math.min(i + 3999, #keys)))
  end
  return keys, all
end
`

/** The newest id, the keys in order, their values. */
export const state = script(`${keys}${whole}
local keys, all = whole(values, order)
return {redis.call('HGET', log, 'h') or '0-0', keys, all}
`)

const oldest = `
local head = redis.call('HGET', log, 'h') or '0-0'
local last = tonumber(string.match(head, '^%d+'))
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
first = math.max(first and tonumber(string.match(first[1], '^%d+')) or last + 1, last - tonumber(ARGV[2]) + 1)
local number = function (n) return string.format('%.0f', n) end
`

/**
 * ARGV 1 a revision (-1: the newest), 2 historyLimit. The state there, as the id of the
 * newest commit in it, keys and values at some revision before, and the commits since. Without an id: the first revision
 * that is kept comes later.
 */
export const begin = script(`${keys}${whole}${oldest}
local from = tonumber(ARGV[1])
if from < 0 or from > last then from = last end
if from + 1 < first then return {false, first} end
if from == last then
  local keys, all = whole(values, order)
  return {head, keys, all, {}}
end
local at = 0
for r in string.gmatch(redis.call('HGET', log, 'c') or '', '%d+') do
  if tonumber(r) <= from then at = tonumber(r) end
end
local keys, all = {}, {}
if at > 0 then keys, all = whole(values .. ':' .. number(at), order .. ':' .. number(at)) end
local after = redis.call('XRANGE', stream, number(from + 1), number(from + 1))[1]
local commits = from > at and redis.call('XRANGE', stream, number(at + 1), number(from)) or {}
return {after[2][1], keys, all, commits}
`)

/**
 * ARGV 1 a revision, 2 historyLimit. The newest id, then the commits since that revision;
 * or, where they are many or not kept, `false` and the state.
 */
export const jump = script(`${keys}${whole}${oldest}
local from = tonumber(ARGV[1])
if from <= last and from + 1 >= first and last - from <= ${BEHIND} then
  return {head, redis.call('XRANGE', stream, number(from + 1), '+')}
end
local keys, all = whole(values, order)
return {head, false, keys, all}
`)

/**
 * ARGV 1 a revision, 2 historyLimit, 3 how many. The newest id and the commits after that
 * revision; `false` and the first revision that is kept, if that comes later.
 */
export const since = script(`${keys}${oldest}
local from = tonumber(ARGV[1])
if from < last and from + 1 < first then return {false, first} end
return {head, redis.call('XRANGE', stream, number(from + 1), '+', 'COUNT', ARGV[3])}
`)
