import { ownErrors, ShippingError } from '../../errors.ts'
import {
  builtinNode,
  globalNode,
  importFrom,
  liveNode,
  metaOf,
  requireFrom,
  requireNode,
} from '../modules/load.ts'
import type { AnyFunction, Code, Node, Own, Property, Slot } from '../shipment.ts'
import type { Wrap } from '../wrappers.ts'
import { type Compiled, compile, type Given } from './compile.ts'
import { ANYTHING, begin, make, SINK } from './empty-objects.ts'

export interface ReviveOptions {
  /** Gets each part before anything is made of it. */
  seen?: (node: Node) => void
  /** Changes the text of each function before it is compiled. */
  edit?: (code: Code) => string
  guard?: Given['guard']
}

/** The values of a table of nodes: first each without its parts, as they may refer back to it, then the parts. */
export class Revival {
  readonly #nodes: Node[]
  readonly #wraps: ReadonlyMap<string, Wrap>
  readonly #options: ReviveOptions
  readonly #values: unknown[] = []
  readonly #made: boolean[] = []
  readonly #compiled = new Map<number, Compiled>()
  readonly #restorers = new Map<number, (object: unknown, values: Record<string, unknown>) => void>()
  readonly #assigners = new Map<number, (values: Record<string, unknown>) => void>()
  readonly #restoring = { on: false, anything: ANYTHING }

  constructor(
    nodes: Node[],
    imported: Map<number, unknown>,
    wraps: ReadonlyMap<string, Wrap>,
    options: ReviveOptions,
  ) {
    this.#nodes = nodes
    this.#wraps = wraps
    this.#options = options
    for (const [number, value] of imported) {
      this.#values[number] = value
      this.#made[number] = true
    }
  }

  run(): AnyFunction {
    for (let number = 0; number < this.#nodes.length; number++) this.#shell(number)
    for (const [number, node] of this.#nodes.entries()) this.#fill(number, node)
    for (const [number, node] of this.#nodes.entries()) this.#close(number, node)
    const value = this.#values[0]
    if (typeof value !== 'function') throw new ShippingError('what was sent is not a function on this side')
    return value
  }

  #value(slot: Slot): unknown {
    return Array.isArray(slot) ? this.#shell(slot[0]) : slot
  }

  /** The value without its parts: they may refer back to it. */
  #shell(number: number): unknown {
    if (this.#made[number]) return this.#values[number]
    const node = this.#nodes[number]
    if (!node) throw new ShippingError('these bytes are damaged: they refer to a part that is not there')
    this.#made[number] = true
    this.#values[number] = this.#make(number, node)
    return this.#values[number]
  }

  #make(number: number, node: Node): unknown {
    switch (node.kind) {
      case 'leaf':
        return node.value
      case 'view':
        return this.#view(node)
      case 'global':
        return globalNode(node)
      case 'builtin':
        return builtinNode(node)
      case 'require':
        return requireNode(node)
      case 'requirer':
        return requireFrom(node.from)
      case 'own':
        return Reflect.get(ownErrors, node.name)
      case 'new':
        return make(node)
      case 'symbol':
        return node.registered ? Symbol.for(node.description ?? '') : Symbol(node.description)
      case 'sink':
        return SINK
      case 'cell':
        return { v: undefined }
      case 'live':
        return liveNode(this.#value(node.of), node)
      case 'wrapper':
        return this.#wrapped(node)
      case 'prototype':
        return Reflect.get(this.#value(node.of) as object, 'prototype')
      case 'object':
        return this.#object(node)
      case 'function':
        return this.#function(number, node)
      default:
        throw new ShippingError('these bytes are not a function that was sent by this version of zproc')
    }
  }

  #wrapped({ name, of }: Extract<Node, { kind: 'wrapper' }>): unknown {
    const wrap = this.#wraps.get(name)
    if (!wrap) throw new ShippingError(`an atomic function cannot hold a function made by \`${name}\``)
    // A wrapper takes the kind of function that was wrapped before it was sent.
    return wrap(this.#value(of) as never)
  }

  #object(node: Extract<Node, { kind: 'object' }>): unknown {
    const proto = node.proto === undefined ? undefined : this.#value(node.proto)
    if (node.privates?.length && typeof proto === 'object' && proto !== null) {
      this.#restoring.on = true
      try {
        const made: unknown = Reflect.construct(
          Reflect.get(proto, 'constructor') as new () => unknown,
          ANYTHING,
        )
        for (const key of Reflect.ownKeys(made as object))
          if (key !== 'length') Reflect.deleteProperty(made as object, key)
        return made
      } finally {
        this.#restoring.on = false
      }
    }
    const made = begin(node.base, () => (node.entries ?? []).map(slot => this.#value(slot)))
    if (proto !== undefined) Object.setPrototypeOf(made, proto as object | null)
    return made
  }

  #view({ type, buffer, offset, length, proto }: Extract<Node, { kind: 'view' }>): unknown {
    if (type === 'Buffer') return Buffer.from(this.#value(buffer) as ArrayBuffer, offset, length)
    const View = Reflect.get(globalThis, type) as new (
      buffer: unknown,
      offset: number,
      length: number,
    ) => object
    const view = new View(this.#value(buffer), offset, length)
    return proto === undefined ? view : Object.setPrototypeOf(view, this.#value(proto) as object | null)
  }

  #function(number: number, node: Extract<Node, { kind: 'function' }>): unknown {
    const compiled = compile(node, this.#options.edit?.(node) ?? node.source, {
      parent: node.parent === undefined ? undefined : this.#value(node.parent),
      restoring: this.#restoring,
      meta: /\$zp_meta\b/.test(node.source) ? metaOf(node.from) : undefined,
      load: importFrom(node.from),
      cells: (node.cells ?? []).map(([, cell]) => this.#value(cell) as { v: unknown }),
      early: node.form === 'class' ? node.variables.map(([, slot]) => this.#value(slot)) : [],
      guard: this.#options.guard,
    })
    const { value } = compiled
    this.#compiled.set(number, compiled)
    if (node.restores) {
      const restore: unknown = Reflect.get(value, '$zp_restore')
      if (typeof restore === 'function')
        this.#restorers.set(number, (object, values) => restore(object, values))
      Reflect.deleteProperty(value, '$zp_restore')
    }
    if (node.statics) {
      const assign: unknown = Reflect.get(value, '$zp_assign')
      if (typeof assign === 'function') this.#assigners.set(number, values => assign.call(value, values))
      Reflect.deleteProperty(value, '$zp_assign')
    }
    if (value.name !== node.name)
      Object.defineProperty(value, 'name', { value: node.name, configurable: true })
    return value
  }

  #fill(number: number, node: Node): void {
    const value = this.#values[number]
    if (node.kind === 'cell') (value as { v: unknown }).v = this.#value(node.value)
    if (node.kind === 'function') {
      this.#compiled.get(number)?.bind(node.variables.map(([, slot]) => this.#value(slot)))
      this.#assigners.get(number)?.(this.#record(node.statics))
      if (node.proto !== undefined) Object.setPrototypeOf(value, this.#value(node.proto) as object | null)
      this.#properties(value as object, node.properties)
      if (node.prototype !== undefined) this.#prototype((value as AnyFunction).prototype, node.prototype)
    }
    if (node.kind !== 'object') return
    const entries = (node.entries ?? []).map(slot => this.#value(slot))
    if (node.base === 'Array')
      for (const [index, entry] of entries.entries()) Reflect.set(value as object, index, entry)
    if (node.base === 'Set') for (const entry of entries) Set.prototype.add.call(value, entry)
    if (node.base === 'Map')
      for (let at = 0; at < entries.length; at += 2)
        Map.prototype.set.call(value, entries[at], entries[at + 1])
    if (node.base === 'WeakSet')
      for (const entry of entries) WeakSet.prototype.add.call(value, entry as object)
    if (node.base === 'WeakMap')
      for (let at = 0; at < entries.length; at += 2)
        WeakMap.prototype.set.call(value, entries[at] as object, entries[at + 1])
    this.#properties(value as object, node.properties)
    for (const [of, fields] of node.privates ?? []) {
      if (Array.isArray(of)) this.#restorers.get(of[0])?.(value, this.#record(fields))
    }
  }

  #record(named: [name: string, value: Slot][] = []): Record<string, unknown> {
    return Object.fromEntries(named.map(([name, slot]) => [name, this.#value(slot)]))
  }

  /** The additions to a prototype travel as an object of their own. */
  #prototype(prototype: unknown, slot: Slot): void {
    const node = Array.isArray(slot) ? this.#nodes[slot[0]] : undefined
    if (node?.kind !== 'object' || typeof prototype !== 'object' || prototype === null) return
    if (node.proto !== undefined) Object.setPrototypeOf(prototype, this.#value(node.proto) as object | null)
    this.#properties(prototype, node.properties)
  }

  #properties(object: object, properties: Property[]): void {
    for (const property of properties) {
      const key = this.#value(property[0]) as PropertyKey
      const bits = property.length === 2 ? 7 : (property.at(-1) as number)
      const flags = { enumerable: (bits & 1) !== 0, configurable: (bits & 2) !== 0 }
      if (property.length === 4) {
        const [, get, set] = property
        Object.defineProperty(object, key, {
          ...flags,
          get: this.#value(get) as (() => unknown) | undefined,
          set: this.#value(set) as ((value: unknown) => void) | undefined,
        })
      } else
        Object.defineProperty(object, key, {
          ...flags,
          writable: (bits & 4) !== 0,
          value: this.#value(property[1]),
        })
    }
  }

  #close(number: number, node: Node): void {
    if (node.kind !== 'object' && node.kind !== 'function') return
    const { closed }: Own = node
    if (closed) [Object.preventExtensions, Object.seal, Object.freeze][closed - 1]?.(this.#values[number])
  }
}
