import type { ParseArgsConfig } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const help = { type: 'boolean', short: 'h' } as const

/** The options of every command that asks a running server. */
const common = { project: flag, 'key-file': text, json: flag, help } as const
/** Those of the commands that are about a state. */
const ofState = { ...common, namespace: text } as const
const writing = { ...ofState, write: flag } as const
const { project: _, ...ofUser } = common
const { json: __, ...withoutJson } = ofState

/** The commands, and the options of each. Command lines are read by it, and shells complete by it. */
export const options = {
  ls: ofUser,
  status: common,
  top: { ...common, interval: text, count: text },
  tree: common,
  inspect: {
    ...ofState,
    port: text,
    write: flag,
    'no-open': flag,
    redact: { type: 'string', multiple: true },
    'redact-with': text,
  },
  ping: { ...common, timeout: text },
  stop: { ...common, write: flag, force: flag },
  kill: { ...common, write: flag },
  bench: { ...common, write: flag, ms: text },
  get: ofState,
  set: { ...writing, ttl: text },
  delete: writing,
  keys: ofState,
  copy: ofState,
  watch: { ...ofState, count: text },
  history: { ...ofState, key: text, from: text, to: text, limit: text, oldest: flag },
  at: ofState,
  diff: ofState,
  serve: {
    project: flag,
    data: text,
    durability: text,
    'keep-revisions': text,
    'keep-bytes': text,
    'keep-time': text,
    'key-file': text,
    insecure: flag,
    restart: flag,
    metrics: text,
    'metrics-token-file': text,
    json: flag,
    help,
  },
  worker: { ...withoutJson, count: text },
  log: { data: text, namespace: text, from: text, to: text, help },
  backup: { data: text, to: text, help },
  restore: { data: text, to: text, revision: text, namespace: text, time: text, help },
  completion: { help },
} as const satisfies Record<string, Options>

export type CommandName = keyof typeof options

/** What follows a command, where that is one of a few words. */
export const wordsOf: { readonly [name in CommandName]?: readonly string[] } = {
  log: ['verify', 'dump', 'repair'],
  completion: ['bash', 'zsh', 'fish'],
}

/** The options whose value is a file or a folder. */
export const isPath = (command: CommandName, option: string): boolean =>
  ['key-file', 'metrics-token-file', 'redact-with', 'data'].includes(option) ||
  (option === 'to' && (command === 'backup' || command === 'restore'))
