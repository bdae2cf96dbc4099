import { after, cancel, monotonic, type Timer } from '../../async/interval.ts'
import { decode } from '../../protocol/frames.ts'
import type { LeaseInfo } from '../../protocol/messages.ts'
import type { Author } from '../../store/commit.ts'
import type { RedisConnection } from './connection.ts'
import { headOf } from './heads.ts'
import { keys, script, untie } from './scripts.ts'

// A key may have a lease: it goes with a session, which is over when its process does not say in time that it goes on, or
// when its time to live ends. Besides the keys of scripts.ts:
//   leases  a hash: for each such key its session ('': none), a line feed, and how the commit that deletes it begins
//   due     a sorted set: the keys with a time to live, by when it ends
//   sessions  a sorted set: the sessions, by when they are over       tied:<session>  a set: its keys
// Every process that uses the namespace looks at what is over: one script looks, deletes and commits, so nothing comes between,
// each key goes once whoever looks first, and a session that is over never goes on.

/** Keys whose time is up that one run of the script deletes, at most: Redis does nothing else meanwhile. */
const SLICE = 250
/** Milliseconds after which a process looks again where there are leases: who has set one may be gone. */
const OFTEN = 1000

/**
 * ARGV 1 a session ('': none), 2 milliseconds until it is over from now on (-1: it is), 3 '1': the session begins. The
 * newest id; 1, or 0 if the session is over; milliseconds until there is something to do, -1: nothing is to be waited for;
 * 1 if more is to be done at once.
 */
const look = script(`${keys}${untie}
local sessions, due = tag .. 'sessions', tag .. 'due'
local session, ms = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local number = function (n) return string.format('%.0f', n) end
local m = redis.call('HMGET', log, 'h', 'x')
local owner, till = unpack(m[2] and cmsgpack.unpack(m[2]) or {'', 0})
local head, lasts = m[1] or '0-0', 0
if session ~= '' then
  local over = ARGV[3] == '1' and math.huge or tonumber(redis.call('ZSCORE', sessions, session) or 0)
  if over > now then
    redis.call('ZADD', sessions, number(now + ms), session)
    lasts = 1
  end
end
local over = redis.call('ZRANGE', sessions, '-inf', number(now), 'BYSCORE')
local gone = redis.call('ZRANGE', due, '-inf', number(now), 'BYSCORE', 'LIMIT', 0, ${SLICE})
if #over + #gone > 0 and till > now and string.find(owner, '.', 1, true) then
  return {head, lasts, math.min(20, till - now), 0}
end
local function expire(start, all)
  local changes = {}
  for i, key in ipairs(all) do
    changes[i] = {key}
    untie(key)
    redis.call('HDEL', values, key)
    redis.call('ZREM', order, key)
  end
  local id = number(tonumber(string.match(head, '^%d+')) + 1) .. '-' .. time[1] .. string.sub('00000' .. time[2], -6)
  redis.call('XADD', stream, id, head, start .. '\\203' .. struct.pack('>d', now) .. '\\194' .. cmsgpack.pack(changes))
  head = id
end
local start = function (key) return string.match(redis.call('HGET', tag .. 'leases', key), '\\n(.*)$') end
for _, one in ipairs(over) do
  local all = redis.call('SMEMBERS', tag .. 'tied:' .. one)
  if #all > 0 then expire(start(all[1]), all) end
  redis.call('ZREM', sessions, one)
end
local writers, each = {}, {}
for _, key in ipairs(gone) do
  local lease = redis.call('HGET', tag .. 'leases', key)
  local writer = lease and string.match(lease, '\\n(.*)$')
  if writer and not each[writer] then
    writers[#writers + 1] = writer
    each[writer] = {}
  end
  if writer then table.insert(each[writer], key) end
end
for _, writer in ipairs(writers) do expire(writer, each[writer]) end
if #over + #gone > 0 then
  redis.call('HSET', log, 'h', head)
  if redis.call('EXISTS', tag .. 'leases') == 0 then redis.call('HDEL', log, 'e') end
end
local next = math.huge
for _, all in ipairs({sessions, due}) do
  next = math.min(next, tonumber(redis.call('ZRANGE', all, 0, 0, 'WITHSCORES')[2] or next) - now)
end
if redis.call('HEXISTS', log, 'e') == 1 then next = math.min(next, ${OFTEN}) end
return {head, lasts, next == math.huge and -1 or math.max(0, math.ceil(next)), #gone == ${SLICE} and 1 or 0}
`)

/** ARGV 1 a key. What its lease is, when its time to live ends, and the time of Redis in milliseconds. */
export const lease = script(`${keys}
return {redis.call('HGET', tag .. 'leases', ARGV[1]), redis.call('ZSCORE', tag .. 'due', ARGV[1])}
`)

/** A lease as it is kept; `session`: '' for one with a time to live only. */
export const keptLease = (session: string, author: Author): string =>
  `${session}\n${expiryHead(author).toString('latin1')}`

/** What is said of a kept lease. */
export function leaseInfo([kept, due]: [kept: Buffer | null, due: Buffer | null]): LeaseInfo | null {
  if (!kept) return null
  const end = kept.indexOf(10)
  // The head is the beginning of an array of eight, of which five are there.
  const head = Buffer.from(kept.subarray(end + 1))
  head[0] = 0x95
  const [, , pid, name] = decode(head) as [number, number, number, string]
  return [pid, name, end > 0, due && Math.ceil(Number(due))]
}

const expiryHeads = new WeakMap<Author, Buffer>()

// By no State of that process: its own watchers are to see that the key is deleted.
function expiryHead(author: Author): Buffer {
  let head = expiryHeads.get(author)
  if (!head) {
    head = headOf({ ...author, state: 0 }, 'expire').bytes
    expiryHeads.set(author, head)
  }
  return head
}

/** This process in one namespace: what it has there for as long as it lives, and what others left behind who do not. */
export class Presence {
  readonly #connection: RedisConnection
  readonly #log: string
  readonly #writer: string
  #session: string | undefined
  #sessions = 0
  #rests = true
  #timer: Timer | undefined
  // When it looks again, by the clock of this process.
  #next = Number.POSITIVE_INFINITY

  constructor(connection: RedisConnection, log: string, writer: string) {
    this.#connection = connection
    this.#log = log
    this.#writer = writer
  }

  /** The newest id, once all that is over is deleted. From now on that is done when its time is up. */
  look(call: string): Promise<string> {
    this.#rests = false
    return this.#look(call, this.#session ?? '')
  }

  /** Nobody here has to do with this namespace any more. */
  rest(): void {
    this.#rests = true
    if (!this.#session) this.#stop()
  }

  /** The session of this process. It begins when a key is first tied to it. */
  async session(call: string): Promise<string> {
    if (this.#session) return this.#session
    const session = `${this.#writer}.${++this.#sessions}`
    await this.#look(call, session, true)
    this.#session = session
    return session
  }

  /** That session is over: who wants one has to begin another. */
  lost(session: string): void {
    if (this.#session === session) this.#session = undefined
  }

  /** A key has got so many milliseconds to live. */
  expects(ms: number): void {
    if (!this.#rests || this.#session) this.#again(ms + 1)
  }

  /** Takes away, at once, what lasts as long as this process. */
  async end(): Promise<void> {
    this.#rests = true
    this.#stop()
    const session = this.#session
    this.#session = undefined
    if (session) await this.#ask('close', session, -1, false).catch(() => {})
  }

  async #look(call: string, session: string, begins = false): Promise<string> {
    const { graceTime } = this.#connection.address.settings
    this.#stop()
    let again = graceTime / 3
    try {
      for (let first = begins; ; first = false) {
        const [head, lasts, ms, more] = await this.#ask(call, session, graceTime, first)
        if (!lasts) this.lost(session)
        if (ms >= 0) again = Math.min(again, ms + 1)
        if (!more) return head.toString()
      }
    } finally {
      if (!this.#rests || this.#session) this.#again(again)
    }
  }

  #again(ms: number): void {
    const next = monotonic() + ms
    if (next >= this.#next) return
    this.#stop()
    this.#next = next
    this.#timer = after(ms, () => this.#look('state', this.#session ?? '').catch(() => {}))?.unref()
  }

  #stop(): void {
    cancel(this.#timer)
    this.#next = Number.POSITIVE_INFINITY
  }

  async #ask(call: string, session: string, ms: number, begins: boolean) {
    const reply = await this.#connection.run(look, this.#log, [session, ms, begins ? '1' : ''], call)
    return reply as [head: Buffer, lasts: number, ms: number, more: number]
  }
}
