import { types } from 'node:util'
import { inspecting, readVariable } from '../source/inspect.ts'
import { ownProperty } from './own-property.ts'

/**
 * What a capture has seen, so that the next one can be spared when it would see the same. Values
 * are compared where they are; only variables that the program assigns to need the engine again.
 */
export class Seen {
  readonly #parts: Parts[] = []
  readonly #contents: { object: object; content: unknown[] | Uint8Array | number | string }[] = []
  readonly #variables: { of: object; name: string; value: unknown }[] = []
  #size = 0
  #isComparable = true

  /** An object with parts that may change. */
  object(object: object): void {
    this.#size += 1
    if (Array.isArray(object)) this.#size += object.length
    if (this.#size > MOST || !this.#isComparable) {
      this.#isComparable = false
      return
    }
    const content = contentOf(object)
    if (content !== undefined) this.#contents.push({ object, content })
    if (typeof content === 'object' && 'length' in content) this.#size += content.length / 64
    if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) return
    const keys = Reflect.ownKeys(object)
    this.#size += keys.length
    if (this.#size > MOST) return
    const described = keys.map(key => ownProperty(object, key))
    this.#parts.push({
      object,
      keys,
      values: described.map(part => part?.get ?? part?.set ?? part?.value),
      isBare: typeof object === 'function' && keys.every(key => OF_FUNCTIONS.has(key)),
      hasAccessors: described.some(part => part?.get !== undefined || part?.set !== undefined),
      extensible: Object.isExtensible(object),
    })
  }

  /** A variable that may be assigned to at any time. */
  variable(of: object, name: string, value: unknown): void {
    this.#variables.push({ of, name, value })
  }

  /** Something whose change cannot be seen. */
  unclear(): void {
    this.#isComparable = false
  }

  get isComparable(): boolean {
    return this.#isComparable && this.#size <= MOST
  }

  /** Would a capture see the same now? */
  isUnchanged(): boolean {
    for (const parts of this.#parts) if (!areSame(parts)) return false
    for (const { object, content } of this.#contents) if (!isSame(contentOf(object), content)) return false
    return this.#variables.length === 0 || this.#variablesAreUnchanged()
  }

  #variablesAreUnchanged(): boolean {
    return inspecting(engine => {
      const closures = new Map<object, Record<string, unknown>[]>()
      for (const { of, name, value } of this.#variables) {
        const scopes = closures.get(of) ?? engine.closure(of)?.scopes ?? []
        closures.set(of, scopes)
        const scope = scopes.find(variables => Object.hasOwn(variables, name))
        if (!Object.is(scope && readVariable(scope, name)?.value, value)) return false
      }
      return true
    })
  }
}

/** More parts than this take longer to compare than to be worth it. */
const MOST = 20_000

interface Parts {
  object: object
  keys: PropertyKey[]
  values: unknown[]
  /** A function with nothing but what functions have. */
  isBare: boolean
  hasAccessors: boolean
  extensible: boolean
}

const OF_FUNCTIONS = new Set<PropertyKey>(['length', 'name', 'prototype', 'arguments', 'caller'])

function areSame({ object, keys, values, isBare, hasAccessors, extensible }: Parts): boolean {
  // To list all keys of a function takes as long as the rest of a call. What hides was given to it when it was made.
  const stillBare = isBare && Object.keys(object).length === 0
  const now = stillBare ? keys : Reflect.ownKeys(object)
  if (now.length !== keys.length || Object.isExtensible(object) !== extensible) return false
  // An arrow has a length and a name, which cannot be assigned to.
  if (stillBare && keys.length === 2) return true
  for (let at = 0; at < now.length; at++) {
    const key = now[at]
    if (key === undefined || key !== keys[at]) return false
    // The name and length of a function cannot be assigned to.
    if (typeof object === 'function' && (key === 'name' || key === 'length')) continue
    if (!Object.is(hasAccessors ? partOf(object, key) : Reflect.get(object, key), values[at])) return false
  }
  return true
}

/** Getters are not run: the getter itself is what is captured. */
function partOf(object: object, key: PropertyKey): unknown {
  const described = ownProperty(object, key)
  return described?.get ?? described?.set ?? described?.value
}

function contentOf(object: object): unknown[] | Uint8Array | number | string | undefined {
  if (types.isMap(object)) return [...Map.prototype.entries.call(object)].flat()
  if (types.isSet(object)) return [...Set.prototype.values.call(object)]
  if (types.isDate(object)) return object.getTime()
  if (object instanceof URL) return object.href
  if (object instanceof URLSearchParams) return String(object)
  if (ArrayBuffer.isView(object))
    return new Uint8Array(object.buffer, object.byteOffset, object.byteLength).slice()
  return types.isArrayBuffer(object) && object.byteLength > 0 ? new Uint8Array(object).slice() : undefined
}

function isSame(now: ReturnType<typeof contentOf>, then: ReturnType<typeof contentOf>): boolean {
  if (now instanceof Uint8Array && then instanceof Uint8Array) return Buffer.compare(now, then) === 0
  if (Array.isArray(now) && Array.isArray(then)) {
    return now.length === then.length && now.every((value, at) => Object.is(value, then[at]))
  }
  return Object.is(now, then)
}
