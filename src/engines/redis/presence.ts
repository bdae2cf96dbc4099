import { after, cancel } from '../../async/interval.ts'
import type { Author } from '../../store/commit.ts'
import { headOf } from './batch.ts'
import type { RedisConnection } from './connection.ts'
import { keys, script } from './scripts.ts'

// Ephemeral keys are tied to a session, which is over when nobody says in time that it goes on. Besides the keys of scripts.ts:
//   sessions  a sorted set: the sessions, by when they are over       tied  a hash: for each ephemeral key its session
// and in the log s:<session>, how the commit that takes its keys away begins. Whoever looks, takes away what is over; it is
// one script that looks and takes, so nobody can come between, and a session that is over never goes on.

/**
 * ARGV 1 a session ('': none), 2 milliseconds until it is over from now on (-1: it is), 3 how its last commit begins, when
 * the session itself does. The newest id; 1, or 0 if the session is over; milliseconds until there is something to do.
 */
const look = script(`${keys}
local sessions, tied = tag .. 'sessions', tag .. 'tied'
local session, ms, author = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local number = function (n) return string.format('%.0f', n) end
local m = redis.call('HMGET', log, 'h', 'x')
local owner, till = unpack(m[2] and cmsgpack.unpack(m[2]) or {'', 0})
local head, lasts = m[1] or '0-0', 0
if session ~= '' and author ~= '' then
  redis.call('HSET', log, 's:' .. session, author)
  redis.call('ZADD', sessions, number(now + ms), session)
  lasts = 1
elseif session ~= '' then
  local over = redis.call('ZSCORE', sessions, session)
  if over and tonumber(over) > now then
    redis.call('ZADD', sessions, number(now + ms), session)
    lasts = 1
  end
end
local over = redis.call('ZRANGE', sessions, '-inf', number(now), 'BYSCORE')
if #over > 0 and till > now and string.find(owner, '.', 1, true) then
  return {head, lasts, math.min(20, till - now)}
end
local all = #over > 0 and redis.call('HGETALL', tied)
for _, session in ipairs(over) do
  local gone = {}
  for i = 1, #all, 2 do
    if all[i + 1] == session then
      gone[#gone + 1] = {all[i]}
      redis.call('HDEL', tied, all[i])
      redis.call('HDEL', values, all[i])
      redis.call('ZREM', order, all[i])
    end
  end
  if #gone > 0 then
    local id = number(tonumber(string.match(head, '^%d+')) + 1) .. '-' .. time[1] .. string.sub('00000' .. time[2], -6)
    local entry = redis.call('HGET', log, 's:' .. session) .. '\\203' .. struct.pack('>d', now) .. '\\194'
    redis.call('XADD', stream, id, head, entry .. cmsgpack.pack(gone))
    head = id
  end
  redis.call('ZREM', sessions, session)
  redis.call('HDEL', log, 's:' .. session)
end
if #over > 0 then
  redis.call('HSET', log, 'h', head)
  if redis.call('EXISTS', tied) == 0 then redis.call('HDEL', log, 'e') end
end
local next = redis.call('ZRANGE', sessions, 0, 0, 'WITHSCORES')[2]
return {head, lasts, next and tonumber(next) - now or -1}
`)

/** This process in one namespace: what it has there for as long as it lives, and what others left behind who do not. */
export class Presence {
  readonly #connection: RedisConnection
  readonly #log: string
  readonly #writer: string
  #session: string | undefined
  #sessions = 0
  #rests = true
  #timer: NodeJS.Timeout | undefined

  constructor(connection: RedisConnection, log: string, writer: string) {
    this.#connection = connection
    this.#log = log
    this.#writer = writer
  }

  /** The newest id, without what was left by those who are gone. From now on that is taken away when its time is up. */
  look(call: string): Promise<string> {
    this.#rests = false
    return this.#look(call, this.#session ?? '')
  }

  /** Nobody here has to do with this namespace any more. */
  rest(): void {
    this.#rests = true
    if (!this.#session) cancel(this.#timer)
  }

  /** The session of this process. It begins when somebody first ties a key to it. */
  async session(author: Author, call: string): Promise<string> {
    if (this.#session) return this.#session
    const session = `${this.#writer}.${++this.#sessions}`
    // By no State of this process: its watchers are to see what was taken away when it was not heard of.
    await this.#look(call, session, headOf({ ...author, state: 0 }, 'expire').bytes)
    this.#session = session
    return session
  }

  /** That session is over: who wants one has to begin another. */
  lost(session: string): void {
    if (this.#session === session) this.#session = undefined
  }

  /** Takes away, at once, what lasts as long as this process. */
  async end(): Promise<void> {
    this.#rests = true
    cancel(this.#timer)
    const session = this.#session
    this.#session = undefined
    if (session) await this.#ask('close', session, -1, '').catch(() => {})
  }

  async #look(call: string, session: string, author: Uint8Array | '' = ''): Promise<string> {
    const { graceTime } = this.#connection.address.settings
    let again = graceTime / 3
    try {
      const [head, lasts, ms] = await this.#ask(call, session, graceTime, author)
      if (!lasts) this.lost(session)
      if (ms >= 0) again = Math.min(again, ms + 1)
      return head.toString()
    } finally {
      cancel(this.#timer)
      if (!this.#rests || this.#session)
        this.#timer = after(again, () => this.#look('state', this.#session ?? '').catch(() => {}))?.unref()
    }
  }

  async #ask(call: string, session: string, ms: number, author: Uint8Array | '') {
    const reply = await this.#connection.run(look, this.#log, [session, ms, Buffer.from(author)], call)
    return reply as [head: Buffer, lasts: number, ms: number]
  }
}
