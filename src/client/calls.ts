import { KeyError } from '../errors.ts'
import type { Ask } from '../protocol/kinds-of-requests.ts'
import { type Entry, Tell, type ValuedKind, type WireLease } from '../protocol/messages.ts'
import { checkKey, fromWire, toWire, type Wire } from '../protocol/values.ts'
import type { Finish } from '../store/store.ts'
import { entriesOf } from './arguments.ts'
import { wireLease } from './lease.ts'
import type { Link } from './link.ts'
import type { SetOptions } from './options.ts'

/** How the calls of a State are checked and sent, and what their replies become. */
export class Calls {
  readonly #link: Link

  constructor(link: Link) {
    this.#link = link
  }

  plain<T>(name: string, kind: number, finish: Finish): Promise<T> {
    const { state } = this.#link
    return this.#link.request(`state.${name}`, [kind as typeof Ask.size, 0, state], finish)
  }

  keyed(name: string, kind: number, key: unknown, finish: Finish, extra?: unknown): Promise<unknown> {
    try {
      checkKey(key, `state.${name}`)
    } catch (error) {
      return Promise.reject(error)
    }
    const { state } = this.#link
    return this.#link.request(`state.${name}`, [kind as typeof Ask.get, 0, state, key], finish, extra)
  }

  valued<T>(
    name: string,
    kind: ValuedKind,
    key: unknown,
    value: unknown,
    finish: Finish,
    lease?: WireLease,
  ): Promise<T> {
    let wire: Wire
    try {
      checkKey(key, `state.${name}`)
      // The call is spelled out only where there is something to complain about.
      wire =
        typeof value === 'number' && value !== 0 ? value : toWire(value, `state.${name}('${key}', …)`, key)
    } catch (error) {
      return Promise.reject(error)
    }
    const { state } = this.#link
    return this.#link.request(
      `state.${name}`,
      lease ? [kind, 0, state, key as string, wire, lease] : [kind, 0, state, key as string, wire],
      finish,
    )
  }

  /** A `valued` call with options. */
  leased<T>(
    name: string,
    kind: ValuedKind,
    key: unknown,
    value: unknown,
    finish: Finish,
    options: SetOptions,
  ): Promise<T> {
    try {
      return this.valued(name, kind, key, value, finish, wireLease(options, `state.${name}`))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  whole<T>(name: string, kind: number, object: unknown, finish: Finish): Promise<T> {
    let entries: Entry[]
    try {
      entries = entriesOf(object, `state.${name}(…)`)
    } catch (error) {
      return Promise.reject(error)
    }
    const { state } = this.#link
    return this.#link.request(`state.${name}`, [kind as typeof Ask.update, 0, state, entries], finish)
  }

  readonly nothing: Finish = message => this.#link.committed(message)

  readonly raw: Finish = message => {
    this.#link.committed(message)
    return (message as Committed)[3]
  }

  readonly value: Finish = message => fromWire(this.raw(message, undefined) as Wire)

  readonly popped: Finish = (message, extra) => {
    if (message[0] !== Tell.missing) return this.value(message, undefined)
    const { key, fallback } = extra as { key: string; fallback: unknown[] }
    if (fallback.length > 0) return fallback[0]
    throw new KeyError(`state.pop('${key}'): there is no such key; give a fallback to have that instead`, {
      key,
    })
  }

  readonly poppedItem: Finish = message => {
    if (message[0] === Tell.missing) throw new KeyError('state.popItem(): the state is empty')
    const [key, wire] = this.raw(message, undefined) as Entry
    return [key, fromWire(wire)]
  }
}

type Committed = [kind: number, id: number, revision: number, result: unknown]
