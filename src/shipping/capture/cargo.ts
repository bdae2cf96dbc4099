import type { Node, Slot } from '../shipment.ts'
import type { Binding, Reference } from '../source/bindings.ts'
import type { Closure, Engine } from '../source/inspect.ts'
import type { Script, Written } from '../source/parsed.ts'
import type { Edit } from '../source/rewrite.ts'
import type { Depths } from '../source/script.ts'
import type { Trail } from './trail.ts'
import { Seen } from './unchanged.ts'

export interface CaptureOptions {
  /** The call to name in messages: `ctx.process(report)`. */
  call: string
  /** Never by reference to a file of this machine. */
  byValue: boolean
  /** For an atomic function: nothing in it may be atomic itself. */
  atomic: boolean
}

export type FunctionNode = Extract<Node, { kind: 'function' }>
export type ObjectNode = Extract<Node, { kind: 'object' }>

/** A function on its way: the text is written last, when it is known what shares its variables. */
export interface Draft {
  node: FunctionNode
  value: object
  /** Who shows its variables to the engine, if it does not itself. */
  seenBy?: object
  script: Script
  written: Written
  edits: Edit[]
  shared: Shared[]
  restores: boolean
}

/** A variable that not only this function may assign to. */
export interface Shared {
  name: string
  references: Reference[]
  value: Slot
  /** Where it was found; of an import nothing, as its value is the place itself, not what is in it. */
  from?: {
    binding: Binding
    /** From the one that declares it, outward. */
    scopes: Record<string, unknown>[]
    /** What held the function. */
    holder: object | undefined
    trail: Trail
  }
}

type NodeOf = (cargo: Cargo, value: object, trail: Trail, holder: object | undefined) => Node

/** What one capture has gathered so far: the table of nodes, and what it knows of the values in it. */
export class Cargo {
  readonly engine: Engine
  readonly options: CaptureOptions
  readonly nodes: Node[] = []
  readonly numbers = new Map<object | symbol, number>()
  readonly drafts = new Map<object, Draft>()
  /** Classes that must go as text, though a module exports them: instances with private fields need it. */
  readonly asText = new Set<object>()
  /** For each class, the WeakMaps around it. */
  readonly beside = new Map<object, { has(key: object): boolean }[]>()
  /** For each script, a function that shows the variables of its module. */
  readonly shown = new Map<string, object>()
  readonly scripts = new Map<Script, Closure>()
  /** Is told what the result depends on. */
  readonly seen = new Seen()
  /** How much of the scripts was looked at; undefined: all of each. */
  readonly depths: Depths | undefined
  /** Whether a variable was met whose declaration was not looked at: it counts as one that may change. */
  hasGuessed = false
  readonly weak = new Map<object, { node: ObjectNode; trail: Trail }>()
  /** They may turn out to share their memory. */
  readonly buffers = new Set<Buffer>()
  /** Values that the other side imports. */
  readonly imports: ReadonlyMap<object, Node>
  readonly #queue: (() => void)[] = []
  readonly #nodeOf: NodeOf

  constructor(
    engine: Engine,
    options: CaptureOptions,
    nodeOf: NodeOf,
    whole: boolean,
    imports: ReadonlyMap<object, Node>,
  ) {
    this.imports = imports
    this.engine = engine
    this.options = options
    this.#nodeOf = nodeOf
    this.depths = whole ? undefined : new Map()
  }

  /** The place of a value in the table. Its parts are looked at later, so that no depth overflows the stack. */
  slot(value: unknown, trail: Trail, holder: object | undefined): Slot {
    if (typeof value === 'symbol') return this.#symbol(value)
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value as Slot
    const known = this.numbers.get(value)
    if (known !== undefined) return [known]
    const number = this.nodes.length
    this.numbers.set(value, number)
    this.nodes.push({ kind: 'sink' })
    this.#queue.push(() => {
      if (this.nodes[number]?.kind === 'sink') this.nodes[number] = this.#nodeOf(this, value, trail, holder)
    })
    return [number]
  }

  number(node: Node): Slot {
    return [this.nodes.push(node) - 1]
  }

  /** Looks at what has a place, but is no node yet. */
  finish(): void {
    for (let at = 0; at < this.#queue.length; at++) this.#queue[at]?.()
    this.#queue.length = 0
  }

  #symbol(value: symbol): Slot {
    const known = this.numbers.get(value)
    if (known !== undefined) return [known]
    const wellKnown = Object.getOwnPropertyNames(Symbol).find(
      name => Object.getOwnPropertyDescriptor(Symbol, name)?.value === value,
    )
    const registered = Symbol.keyFor(value)
    const node: Node = wellKnown
      ? { kind: 'global', path: ['Symbol', wellKnown] }
      : { kind: 'symbol', description: registered ?? value.description, registered: registered !== undefined }
    this.numbers.set(value, this.nodes.push(node) - 1)
    return [this.nodes.length - 1]
  }
}

export function part(up: Trail, name: string): Trail {
  return { up, name, variable: false, place: up.place }
}
