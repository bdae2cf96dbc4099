import { inspect } from 'node:util'
import { ZprocError } from '../errors.ts'
import type { Wire } from '../protocol/values.ts'
import { ABSENT, slot } from '../store/commit.ts'
import { Asked } from './asked.ts'
import { difference } from './difference.ts'
import type { Home } from './followed.ts'
import { Refused } from './gate.ts'
import { logRow } from './log-rows.ts'
import type {
  CommitShown,
  Found,
  LogRow,
  OutputShown,
  ProcessesShown,
  TreeQuery,
  TreeWindow,
  ValueShown,
} from './messages.ts'
import type { Namespaces } from './namespaces.ts'
import { outputOf } from './output.ts'
import type { Pulse } from './pulse.ts'
import { REDACTED, type Redactor } from './redact.ts'
import { treeWindow } from './tree.ts'
import { largeOf } from './wire.ts'

const ORDERS = ['put', 'name', 'changed'] as const
// Lines of a window, and parts that are open.
const LINES = 500
const OPEN = 500
// Characters of a whole value, and of its JSON; bytes beyond which it is not decoded for them.
const TEXT = 100_000
const JSON_TEXT = 1 << 20
const LARGE = 16 << 20

/** What the page can ask, besides the stream. */
export class Api {
  readonly #namespaces: Namespaces
  readonly #redactor: Redactor
  readonly #canWrite: boolean
  readonly #pulse: Pulse
  readonly #home: Home

  constructor(namespaces: Namespaces, redactor: Redactor, pulse: Pulse, home: Home, canWrite: boolean) {
    this.#namespaces = namespaces
    this.#pulse = pulse
    this.#home = home
    this.#redactor = redactor
    this.#canWrite = canWrite
  }

  /** Answers a call; undefined: there is none of that name. */
  answer(name: string, body: unknown): Promise<unknown> | undefined {
    const call = Object.hasOwn(this.#calls, name) ? this.#calls[name] : undefined
    return call && answered(() => call(new Asked(body)))
  }

  readonly #calls: Record<string, (asked: Asked) => Promise<unknown>> = {
    tree: asked => this.#tree(asked),
    log: asked => this.#log(asked),
    search: asked => this.#search(asked),
    commit: asked => this.#commit(asked),
    value: asked => this.#value(asked),
    processes: async asked => this.#processes(asked),
    output: asked => this.#output(asked),
    set: asked => this.#set(asked),
    delete: asked => this.#delete(asked),
  }

  async #tree(asked: Asked): Promise<TreeWindow> {
    const followed = await this.#namespaces.use(asked.text('namespace'))
    const query: TreeQuery = {
      namespace: followed.namespace,
      revision: asked.wholeOrNull('revision', 1),
      from: asked.whole('from'),
      count: asked.whole('count', 0, LINES),
      filter: asked.text('filter'),
      order: asked.oneOf('order', ORDERS),
      open: asked.open('open', OPEN),
    }
    const { revision, filter, order } = query
    if (revision === null) return treeWindow(followed.shown(filter, order), query, this.#redactor)
    return followed.past.at(revision, moment =>
      treeWindow(followed.past.shown(moment, filter, order), query, this.#redactor),
    )
  }

  async #log(asked: Asked): Promise<LogRow[]> {
    const followed = await this.#namespaces.use(asked.text('namespace'))
    return followed.log.rows(asked.whole('from'), asked.whole('to'))
  }

  async #search(asked: Asked): Promise<Found> {
    const { log, namespace } = await this.#namespaces.use(asked.text('namespace'))
    return log.search({
      namespace,
      key: asked.text('key'),
      process: asked.text('process'),
      method: asked.text('method'),
      before: asked.wholeOrNull('before'),
      until: asked.whole('until'),
    })
  }

  async #commit(asked: Asked): Promise<CommitShown> {
    const { past, namespace } = await this.#namespaces.use(asked.text('namespace'))
    return past.at(asked.whole('revision', 1), ({ revision, commit, changes }) => ({
      ...logRow(revision, commit, namespace, this.#redactor),
      ...difference(changes, namespace, this.#redactor),
    }))
  }

  async #value(asked: Asked): Promise<ValueShown> {
    const followed = await this.#namespaces.use(asked.text('namespace'))
    const [key, revision] = [asked.text('key'), asked.wholeOrNull('revision', 1)]
    if (revision !== null)
      return followed.past.at(revision, ({ values }) => ({
        ...this.#shown(key, slot(values, key), followed.namespace),
        revision,
        lease: null,
      }))
    const newest = followed.revision
    const shown = this.#shown(key, slot(followed.values, key), followed.namespace)
    const lease = shown.text === null ? null : await followed.state.lease(key)
    return {
      ...shown,
      revision: newest,
      lease: lease && {
        ...lease.by,
        isEphemeral: lease.ephemeral,
        expires: lease.expires?.getTime() ?? null,
      },
    }
  }

  #shown(key: string, wire: Wire | typeof ABSENT, namespace: string) {
    if (wire === ABSENT) return { text: null, isCut: false, json: null }
    if (!this.#redactor.hides(key) && largeOf(wire, LARGE))
      return { text: '(too large to be shown whole)', isCut: true, json: null }
    const value = this.#redactor.shown(key, wire, namespace)
    if (value === REDACTED) return { text: '(redacted)', isCut: false, json: null }
    const text = inspect(value, { depth: 20, maxArrayLength: 5000, maxStringLength: TEXT, breakLength: 72 })
    const isCut = text.length > TEXT
    // What was put in the place of a value is not to be written back.
    const canEdit = this.#canWrite && this.#redactor.isOpen(key) && !isCut && isJson(value, 0)
    const json = canEdit ? JSON.stringify(value, null, 2) : ''
    return {
      text: isCut ? text.slice(0, TEXT) : text,
      isCut,
      json: canEdit && json.length <= JSON_TEXT ? json : null,
    }
  }

  #processes(asked: Asked): ProcessesShown {
    return this.#pulse.processesAt(asked.whole('time'))
  }

  #output(asked: Asked): Promise<OutputShown> {
    const name = asked.text('name')
    return outputOf(this.#home, asked.whole('session'), asked.whole('process'), name, this.#redactor)
  }

  async #set(asked: Asked): Promise<{ revision: number }> {
    const followed = await this.#writable(asked)
    const key = asked.text('key')
    await followed.state.set(key, jsonOf(asked.text('json')))
    return { revision: followed.revision }
  }

  async #delete(asked: Asked): Promise<{ deleted: boolean }> {
    const followed = await this.#writable(asked)
    return { deleted: await followed.state.delete(asked.text('key')) }
  }

  #writable(asked: Asked) {
    if (!this.#canWrite)
      throw new Refused(403, 'this inspector only reads: start it with --write to change values')
    return this.#namespaces.use(asked.text('namespace'))
  }
}

/** What is wrong with a call is told; what went wrong at the server as well. */
async function answered(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    const isTold = error instanceof ZprocError || error instanceof TypeError || error instanceof RangeError
    throw isTold ? new Refused(409, error.message) : error
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refused(400, `the value must be JSON: ${(error as Error).message}`)
  }
}

/** Whether JSON says all of a value. */
function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || depth > 100) return false
  if (Array.isArray(value)) return value.every(part => isJson(part, depth + 1))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.values(value).every(part => isJson(part, depth + 1))
}
