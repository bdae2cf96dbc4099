import { createHash } from 'node:crypto'
import { MAIL } from '../../store/mail.ts'
import { tagOf } from './keys.ts'

// What Redis itself does. One namespace is a few keys that begin with one hash tag, of which the scripts are given the first:
//   log     a hash: h the id of the newest commit, l what the log is known by, from its first commit on, n how many keys were ever added, c the checkpoints,
//           x who alone may write, until when (a hold has a dot in its name), who waits for that, and to which keys (none: to any),
//           d:<writer> what a writer's last commit was: one that is sent again is not made again,
//           e: some keys may have leases (see presence.ts), k: the revision at which a copy may be due
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

export const Status = { ok: 0, conflict: 1, wait: 2, lost: 3, differs: 4 } as const

/** Milliseconds for which whoever met a conflict has the namespace to itself: its next attempts do not meet another. */
export const SLICE = 12

/** Keys that a writer can have to itself; with more of them it has the namespace. */
const OWN = 64

/** Milliseconds that are too few for another commit: somebody else's turn begins. */
const LAST = 0.4

/** Milliseconds after which somebody who waits for a turn, and does not ask again, is no longer waited for. */
const PATIENCE = 100
/** Entries that are sent to somebody whose state is behind; beyond, reading the state anew is less. */
export const BEHIND = 1000
/** So are fewer of them, if the state is small: of as many bytes as they are, about, SIZE each. */
const FEW = 16
const SIZE = 100

/** Milliseconds for which it is known of a writer what its last commit was. */
const REMEMBERED = 600_000

/** Milliseconds for which the namespaces of a pool stay when nobody writes to them: their members write more often. */
const FORGOTTEN = 3_600_000

/** A part of a script, inside so many columns. */
const indented = (part: string, columns: number): string =>
  part.trim().replaceAll('\n', `\n${' '.repeat(columns)}`)

const code = (character: string): number => character.charCodeAt(0)

/** How each script begins: without arguments it does nothing, and is loaded. */
export const keys = `
if not ARGV[1] then return end
local log = KEYS[1]
local tag = string.sub(log, 1, -4)
local values, order, stream = tag .. 'values', tag .. 'order', tag .. 'stream'
`

/** Bytes that the copies of a state may take in any case. */
const COPIES = 16 << 20

/**
 * Whether another copy of the state is to be made, so many commits after the last one: of a small state after each thousand,
 * of a large one so that there are four of them among the commits that are kept. To find out takes as long as there are keys,
 * so it is done once in as many commits.
 */
const copies = `
local function isTime(since, limit, last)
  local keys = redis.call('HLEN', values)
  redis.call('HSET', log, 'k', string.format('%.0f', last + math.max(1000, keys)))
  if since < keys then return false end
  local bytes = 0
  for _, key in ipairs({values, order}) do bytes = bytes + (redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) or 0) end
  local among = math.min(limit, ${1_000_000})
  return since >= math.min(among / 4, among * bytes / ${COPIES})
end
`

/**
 * Compares what was read with what is there: `found` is then for each key 1, or what is there now. A mark says what was read, see
 * reads.ts. The value itself is compared and no revision of it, so that nothing needs to be written for it, and what was read is
 * known to be right in whichever log this is.
 */
const compare = `
local there = call('HMGET', values, unpack(args, 7, 6 + reads))
for i = 1, reads do
  local value, mark = there[i], args[6 + reads + i]
  local kind, same = string.byte(mark), false
  if kind == ${code('-')} then same = not value
  elseif kind == ${code('+')} then same = value
  elseif not value then same = false
  elseif kind == ${code('#')} then same = redis.sha1hex(value) == string.sub(mark, 2)
  else same = value == string.sub(mark, 2) end
  if same then there[i] = 1 else found = there end
end
`

/** A batch that was compared and is not made is never made later. */
const refuse = `
if reads and number ~= '0' then
  call('HSET', log, mark, number .. ' !-' .. time[1] .. string.sub('00000' .. time[2], -6))
end
`

/** A key has no lease any more; see presence.ts. */
export const untie = `
local function untie(key)
  local lease = redis.call('HGET', tag .. 'leases', key)
  if not lease then return end
  redis.call('HDEL', tag .. 'leases', key)
  redis.call('ZREM', tag .. 'due', key)
  local session = string.match(lease, '^[^\\n]*')
  if session ~= '' then redis.call('SREM', tag .. 'tied:' .. session, key) end
end
`

const whole = `
local function whole(values, order)
  local keys, all = redis.call('ZRANGE', order, 0, -1), {}
  for i = 1, #keys, 4000 do
    all[#all + 1] = redis.call('HMGET', values, unpack(keys, i, math.min(i + 3999, #keys)))
  end
  return keys, all
end
`

/**
 * What is asked for often is to cost little here: each call of Redis from a script costs as much as all the rest of it.
 *
 * ARGV 1 d:<writer>, 2 its number for this batch, of as many digits as the one before, 0: it has no commits, 3 the id of
 * the newest commit that it knows ('': whatever it is), 4 historyLimit, 5 '', or in msgpack: true: only while it is the one
 * who may write, or a session: only while that lasts; and the ms for which it alone may write from now on (-1: give that
 * up), 6 '': where 3 is not the newest commit, none is made; else for how many keys it is compared what was read of them, and then
 * these keys, and a mark for each, see \`compare\`. Then for each commit what comes before its time, what comes behind it, for how many keys, and for each of these a
 * kind, the key and, by the kind, where the value is in what comes behind (from and to), or the value, or nothing; for
 * a key with a lease also what that is (see presence.ts) and its ms to live, or ''.
 *
 * Gives '<number> <newest id> <newest id before>'; or else a status, see Status, and what belongs to it. A batch that was
 * compared and not made is never made later, when all may be again as it was read: '<number> !-<microseconds>' is what is
 * known of it then. Who sends it anew gives it another number.
 */
export const commit = script(`${keys}${untie}${copies}
local args, call = ARGV, redis.call
local mark, number, expected, asked = args[1], args[2], args[3], args[5]
local m = call('HMGET', log, 'h', mark, 'x', 'e')
local done, x, tie = m[2], m[3], m[4]
if done and number ~= '0' and done >= number then return done end
local head = m[1] or '0-0'
local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local must, hold = false, 0
if asked ~= '' then must, hold = unpack(cmsgpack.unpack(asked)) end
local session = type(must) == 'string' and must
if session then
  local over = call('ZSCORE', tag .. 'sessions', session)
  if not over or tonumber(over) <= now then return {${Status.lost}} end
end
local stale = expected ~= '' and expected ~= head
local first = tonumber(string.match(head, '^%d+'))
local reads, found
if args[6] ~= '' then
  reads = tonumber(args[6])
  if reads > 0 and expected ~= head then
    ${indented(compare, 4)}
  end
  stale = found ~= nil
end
local owner, till, line, own, passes = '', 0, nil, nil, false
if x then owner, till, line, own = unpack(cmsgpack.unpack(x)) end
local mine = till > now and owner == mark
if own and reads and not mine and must ~= true and till > now - ${PATIENCE} then
  local theirs = {}
  for _, key in ipairs(own) do theirs[key] = true end
  passes = true
  for i = 7, 6 + reads do passes = passes and not theirs[args[i]] end
end
if not passes and (x or hold ~= 0 or must == true or stale) then
  if must == true and not mine then return {${Status.lost}} end
  local keep = hold
  line = line or {}
  if not mine then
    local waiting, at = {}, nil
    for i = 1, #line, 2 do
      local heard = line[i] == mark and now or line[i + 1]
      if heard > now - ${PATIENCE} then
        waiting[#waiting + 1], waiting[#waiting + 2] = line[i], heard
        if line[i] == mark then at = #waiting / 2 end
      end
    end
    line = waiting
    local wait = till > now or (#line > 0 and at ~= 1)
    if wait and not at and hold >= 0 then
      at = #line / 2 + 1
      line[#line + 1], line[#line + 2] = mark, now
    elseif at and not wait then
      table.remove(line, 1)
      table.remove(line, 1)
    end
    if wait then
      call('HSET', log, 'x', cmsgpack.pack({owner, till, line, own}))
      ${indented(refuse, 6)}
      local held = till > now and string.find(owner, '.', 1, true) or false
      return {${Status.wait}, math.max(0, till - now) + ((at or 1) - 1) * ${SLICE}, held}
    end
    if stale and hold == 0 and not reads then keep = ${SLICE} end
    till = now
  elseif hold == 0 and not must and not stale and #line > 0 and till - now < ${LAST} then keep = -1 end
  if keep > 0 then
    owner, till, own = mark, now + keep, nil
    if reads and reads <= ${OWN} then own = {unpack(args, 7, 6 + reads)} end
  elseif keep < 0 then till = now end
  if till <= now and #line == 0 then
    if x then call('HDEL', log, 'x') end
  elseif keep ~= 0 or not mine then call('HSET', log, 'x', cmsgpack.pack({owner, till, line, own})) end
end
if found then
  ${indented(refuse, 2)}
  return {${Status.differs}, head, found}
end
if stale then
  local known = tonumber(string.match(expected, '^%d+'))
  local behind = first - known
  if behind < 1 or behind > ${BEHIND} then return {${Status.conflict}, head, false} end
  if behind > ${FEW} and (call('MEMORY', 'USAGE', values) or 0) < behind * ${SIZE} then
    ${indented(whole, 4)}
    return {${Status.conflict}, head, false, whole(values, order)}
  end
  return {${Status.conflict}, head, call('XRANGE', stream, string.format('%.0f', known + 1), '+')}
end
local i, n = 7 + 2 * (reads or 0), #args
if i > n then return '0 ' .. head .. ' ' .. head end
local suffix = '-' .. time[1] .. string.sub('00000' .. time[2], -6)
local stamp = '\\203' .. struct.pack('>d', math.floor(now))
local before, last, added = head, first, nil
while i < n do
  local entry = args[i + 1]
  local start, count = args[i], args[i + 2]
  i = i + 3
  for _ = 1, count do
    local kind, key = args[i], args[i + 1]
    if tie and kind == '3' then
      call('UNLINK', tag .. 'leases', tag .. 'due')
      for _, one in ipairs(call('ZRANGE', tag .. 'sessions', 0, -1)) do call('UNLINK', tag .. 'tied:' .. one) end
    elseif tie and kind ~= '1' and kind ~= '5' then untie(key) end
    if kind == '2' then
      call('HDEL', values, key)
      call('ZREM', order, key)
      i = i + 2
    elseif kind == '3' then
      call('UNLINK', values, order)
      i = i + 2
    else
      local value = args[i + 2]
      i = i + 3
      if kind ~= '1' then
        value = string.sub(entry, value, args[i])
        i = i + 1
      end
      if kind == '4' then
        local lease, ttl = args[i], args[i + 1]
        i = i + 2
        tie = 1
        call('HSET', log, 'e', 1)
        call('HSET', tag .. 'leases', key, lease)
        if ttl ~= '' then call('ZADD', tag .. 'due', string.format('%.3f', now + ttl), key) end
        if session then call('SADD', tag .. 'tied:' .. session, key) end
      end
      if call('HSET', values, key, value) == 1 then
        added = (added or tonumber(call('HGET', log, 'n') or 0)) + 1
        call('ZADD', order, added, key)
      end
    end
  end
  last = last + 1
  local id = last .. suffix
  call('XADD', stream, id, head, start .. stamp .. entry)
  head = id
end
done = number .. ' ' .. head .. ' ' .. before
if not m[1] then call('HSET', log, 'l', time[1] .. '.' .. time[2] .. '.' .. mark) end
if added then call('HSET', log, 'h', head, mark, done, 'n', added)
else call('HSET', log, 'h', head, mark, done) end
if math.floor(last / 100) > math.floor(first / 100) then
  local limit, all = tonumber(args[4]), call('HGET', log, 'c') or ''
  local at = tonumber(string.match(all, '%d+$') or 0)
  if last - at >= 1000 and last >= tonumber(call('HGET', log, 'k') or 0) and isTime(last - at, limit, last) then
    local from, kept, this = 0, {}, string.format('%.0f', last)
    call('COPY', values, values .. ':' .. this, 'REPLACE')
    call('COPY', order, order .. ':' .. this, 'REPLACE')
    all = all .. ' ' .. this
    for r in string.gmatch(all, '%d+') do
      if tonumber(r) <= last - limit then from = tonumber(r) end
    end
    for r in string.gmatch(all, '%d+') do
      if tonumber(r) >= from then kept[#kept + 1] = r
      else call('UNLINK', values .. ':' .. r, order .. ':' .. r) end
    end
    if from > 0 then call('XTRIM', stream, 'MINID', string.format('%.0f', from + 1)) end
    call('HSET', log, 'c', table.concat(kept, ' '))
    all = call('HGETALL', log)
    for f = 1, #all, 2 do
      local ms = string.match(all[f], '^d:') and tonumber(string.match(all[f + 1], '%-(%d+)')) / 1000
      if ms and ms < now - ${REMEMBERED} then call('HDEL', log, all[f]) end
    end
  end
end
if string.find(log, '${tagOf(MAIL)}', 1, true) then
  for _, key in ipairs({log, values, order, stream}) do call('PEXPIRE', key, ${FORGOTTEN}) end
end
return done
`)

/** ARGV some keys. The newest id, and the values of these keys. */
export const some = script(`${keys}
local all = {}
for i = 1, #ARGV, 4000 do
  all[#all + 1] = redis.call('HMGET', values, unpack(ARGV, i, math.min(i + 3999, #ARGV)))
end
return {redis.call('HGET', log, 'h') or '0-0', all}
`)

/** ARGV 1 anything. The newest id, the keys in order, their values. */
export const state = script(`${keys}${whole}
local keys, all = whole(values, order)
return {redis.call('HGET', log, 'h') or '0-0', keys, all}
`)

const oldest = `
local known = redis.call('HMGET', log, 'h', 'l')
local head, identity = known[1] or '0-0', known[2]
local last = tonumber(string.match(head, '^%d+'))
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
first = math.max(first and tonumber(string.match(first[1], '^%d+')) or last + 1, last - tonumber(ARGV[2]) + 1)
local number = function (n) return string.format('%.0f', n) end
`

/**
 * ARGV 1 a revision (-1: the newest; see `orOldestKept` for others below 0), 2 historyLimit. The state there, as the id of the
 * newest commit in it, keys and values at some revision before, and the commits since. Without an id: the first revision
 * that is kept comes later. Last, as of all readings of the log, what it is known by.
 */
export const begin = script(`${keys}${whole}${oldest}
local from = tonumber(ARGV[1])
if from < -1 then from = math.max(first - 1, -2 - from) end
if from < 0 or from > last then from = last end
if from + 1 < first then return {false, first, false, false, identity} end
if from == last then
  local keys, all = whole(values, order)
  return {head, keys, all, {}, identity}
end
local at = 0
for r in string.gmatch(redis.call('HGET', log, 'c') or '', '%d+') do
  if tonumber(r) <= from then at = tonumber(r) end
end
local keys, all = {}, {}
if at > 0 then keys, all = whole(values .. ':' .. number(at), order .. ':' .. number(at)) end
local after = redis.call('XRANGE', stream, number(from + 1), number(from + 1))[1]
local commits = from > at and redis.call('XRANGE', stream, number(at + 1), number(from)) or {}
return {after[2][1], keys, all, commits, identity}
`)

/**
 * ARGV 1 a revision, 2 historyLimit. The newest id, then the commits since that revision;
 * or, where they are many or not kept, `false` and the state.
 */
export const jump = script(`${keys}${whole}${oldest}
local from = tonumber(ARGV[1])
if from <= last and from + 1 >= first and last - from <= ${BEHIND} then
  return {head, redis.call('XRANGE', stream, number(from + 1), '+'), false, false, identity}
end
local keys, all = whole(values, order)
return {head, false, keys, all, identity}
`)

/**
 * ARGV 1 a revision, 2 historyLimit, 3 how many. The newest id and the commits after that
 * revision; `false` and the first revision that is kept, if that comes later.
 */
export const since = script(`${keys}${oldest}
local from = tonumber(ARGV[1])
if from < last and from + 1 < first then return {false, first, identity} end
return {head, redis.call('XRANGE', stream, number(from + 1), '+', 'COUNT', ARGV[3]), identity}
`)
