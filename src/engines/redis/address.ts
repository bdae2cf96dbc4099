import { withoutPassword } from '../../async/shown.ts'
import { describe } from '../../protocol/describe.ts'
import { count, limit, time } from '../../protocol/kinds.ts'
import { type OptionsOf, readOptions } from '../../protocol/options.ts'

/** What an address of Redis or Valkey says. */
export interface RedisAddress {
  kind: 'single' | 'cluster' | 'sentinel'
  tls: boolean
  nodes: { host: string; port: number }[]
  /** Of the master, as the sentinels know it. */
  name: string
  username: string | undefined
  password: string | undefined
  db: number
  /** How it is to be shown: without the password. */
  shown: string
  settings: Settings
}

/** The settings behind the `?` of an address. */
const fields = {
  /** Commits kept for each namespace. Default 100,000. */
  historyLimit: limit(1),
  /** The most milliseconds that an atomic function may run, or hold its namespace. Default 1000. */
  atomicTimeout: time(1),
  /** Replicas that must have a commit before it is acknowledged. Default 0. */
  minReplicas: count(0),
  /** Milliseconds that connecting again may take, before calls fail. Default 20,000. */
  connectTimeout: time(1),
  /** Milliseconds after which the ephemeral keys of a process that is not heard of are deleted. Default 15,000. */
  graceTime: time(100),
}

export type Settings = Required<OptionsOf<typeof fields>>

const DEFAULTS: Settings = {
  historyLimit: 100_000,
  atomicTimeout: 1000,
  minReplicas: 0,
  connectTimeout: 20_000,
  graceTime: 15_000,
}

const TIMES = ['atomicTimeout', 'connectTimeout', 'graceTime'] as const
/** Redis counts times in whole numbers: Infinity is kept as a hundred years. */
const FOREVER = 100 * 365 * 24 * 3600 * 1000

const FORM = /^redis(s)?(?:\+(cluster|sentinel))?:\/\/(?:([^@/?]*)@)?([^/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/
const NODE = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/

/** Reads `redis[s]://`, `redis[s]+cluster://` and `redis[s]+sentinel://` addresses. */
export function parseRedisAddress(address: string, call: string): RedisAddress {
  const shown = withoutPassword(address)
  const found = FORM.exec(address)
  if (!found)
    throw new TypeError(
      `${call}: "${shown}" is not an address; use "redis://<user>:<password>@<host>:<port>/<db>", ` +
        '"redis+cluster://<host>:<port>,…" or "redis+sentinel://<host>:<port>,…/<name>"',
    )
  const [, secure, kind = 'single', user = '', hosts = '', path = '', query = ''] = found
  const [username = '', password = ''] = user.split(/:(.*)/s, 2).map(part => decoded(part, shown, call))
  const parts = path.split('/')
  const name = kind === 'sentinel' ? decoded(parts.shift() ?? '', shown, call) : ''
  if (kind === 'sentinel' && name === '')
    throw new TypeError(`${call}: "${shown}" lacks the master's name: use "redis+sentinel://<host>,…/<name>"`)
  const db = parts[0] ? Number(parts[0]) : 0
  if (parts.length > 1 || !Number.isSafeInteger(db) || db < 0)
    throw new TypeError(
      `${call}: "${path}" in "${shown}" is no database; use a number, as in "redis://<host>/0"`,
    )
  if (kind === 'cluster' && db !== 0)
    throw new TypeError(`${call}: a cluster has database 0 only, "${shown}" asks for ${db}`)
  const nodes = hosts.split(',').map(host => nodeOf(host, kind === 'sentinel' ? 26379 : 6379, shown, call))
  if (kind === 'single' && nodes.length > 1)
    throw new TypeError(
      `${call}: "${shown}" has several hosts; use "redis+cluster://" or "redis+sentinel://"`,
    )
  return {
    kind: kind as RedisAddress['kind'],
    tls: secure !== undefined,
    nodes,
    name,
    username: username || undefined,
    password: password || undefined,
    db,
    shown,
    settings: settingsOf(query, shown, call),
  }
}

/** Throws, if it is not an address, or comes with what Redis has no use for. */
export function checkRedisAddress(address: string, secretKey: string | undefined, call: string): void {
  const { shown } = parseRedisAddress(address, call)
  if (secretKey !== undefined)
    throw new TypeError(
      `${call}: secretKey is for servers of zproc; for ${shown} put a password in the address and use "rediss://" to encrypt`,
    )
}

function nodeOf(text: string, usual: number, shown: string, call: string): { host: string; port: number } {
  const found = NODE.exec(text)
  const port = found?.[2] === undefined ? usual : Number(found[2])
  if (!found || port > 65535)
    throw new TypeError(`${call}: ${describe(text)} in "${shown}" is no <host>:<port>`)
  return { host: (found[1] as string).replace(/^\[|\]$/g, ''), port }
}

function settingsOf(query: string, shown: string, call: string): Settings {
  // Of a text that is no number the text itself is shown.
  const given = Array.from(new URLSearchParams(query), ([name, text]) => [
    name,
    text === '' || Number.isNaN(Number(text)) ? text : Number(text),
  ])
  const read = readOptions(fields, Object.fromEntries(given), call, ` in "${shown}"`)
  const settings: Settings = { ...DEFAULTS, ...read }
  for (const name of TIMES) settings[name] = Math.min(Math.ceil(settings[name]), FOREVER)
  return settings
}

function decoded(text: string, shown: string, call: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError(`${call}: a % in "${shown}" begins no character; write %25 for % itself`)
  }
}
