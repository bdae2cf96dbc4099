import { isBuiltin } from 'node:module'
import { types } from 'node:util'
import type { AnyNode } from 'acorn'
import type { Binding, Reference } from './bindings.ts'
import { planClass } from './classes.ts'
import { exportedAs } from './exported.ts'
import type { Closure, Engine } from './inspect.ts'
import { entries, fileHash, importedAs, isEntry, isFileSpecifier, resolveFile } from './modules.ts'
import { builtinNode, isKnownGlobal, nativeNode } from './natives.ts'
import { className, misuse, OWN_ADVICE, placeIn, refusal, type Trail, whyNot } from './refusal.ts'
import { type Edit, rewritten, surroundingsOf } from './rewrite.ts'
import { freeNames, placeOf, type Script, scriptOf, type Written, writtenIn } from './script.ts'
import type { AnyFunction, Base, Node, Own, Property, Shipment, Slot } from './shipment.ts'
import type { Seen } from './unchanged.ts'
import { isUninitialised } from './uninitialised.ts'
import { wrapped } from './wrappers.ts'

export interface CaptureOptions {
  /** The call to name in messages: `ctx.process(report)`. */
  call: string
  /** Never by reference to a file of this machine. */
  byValue: boolean
  /** For an atomic function: nothing in it may be atomic itself. */
  atomic: boolean
  /** Is told what the result depends on. */
  seen: Seen
}

/** Everything that a function needs elsewhere, as a table of nodes. */
export function capture(fn: object, name: string, engine: Engine, options: CaptureOptions): Shipment {
  return new Capture(engine, options).run(fn, name)
}

type FunctionNode = Extract<Node, { kind: 'function' }>
type ObjectNode = Extract<Node, { kind: 'object' }>

/** A function on its way: the text is written last, when it is known what shares its variables. */
interface Draft {
  node: FunctionNode
  value: object
  script: Script
  written: Written
  edits: Edit[]
  shared: { name: string; key: string; references: Reference[]; value: Slot }[]
  restores: boolean
}

class Capture {
  readonly #engine: Engine
  readonly #options: CaptureOptions
  readonly #nodes: Node[] = []
  readonly #numbers = new Map<object | symbol, number>()
  readonly #queue: (() => void)[] = []
  readonly #drafts = new Map<object, Draft>()
  /** Classes that must go as text, though a module exports them: instances with private fields need it. */
  readonly #asText = new Set<object>()
  readonly #beside = new Map<object, { has(key: object): boolean }[]>()
  readonly #shown = new Map<string, object>()
  readonly #seen = new Map<Script, Closure>()
  readonly #weak = new Map<object, { node: ObjectNode; trail: Trail }>()
  readonly #witnesses = new Map<object, number>()

  constructor(engine: Engine, options: CaptureOptions) {
    this.#engine = engine
    this.#options = options
  }

  run(fn: object, name: string): Shipment {
    this.#slot(fn, { up: undefined, name, variable: true, place: () => '' }, undefined)
    do this.#drain()
    while (this.#addWeakEntries())
    this.#writeAll()
    return { nodes: this.#nodes, entries: this.#options.byValue ? [] : [...entries()] }
  }

  #drain(): void {
    for (let at = 0; at < this.#queue.length; at++) this.#queue[at]?.()
    this.#queue.length = 0
  }

  /** A WeakMap holds for what travels anyway; another key may be the only one who knows it. */
  #addWeakEntries(): boolean {
    for (const [weak, { node, trail }] of this.#weak) {
      for (const { key, value } of this.#engine.entries(weak)) {
        const member = types.isWeakMap(weak) ? key : value
        const known = typeof member === 'object' && member !== null ? this.#numbers.get(member) : undefined
        if (known === undefined || node.entries?.some(slot => Array.isArray(slot) && slot[0] === known))
          continue
        node.entries ??= []
        node.entries.push([known])
        if (types.isWeakMap(weak)) node.entries.push(this.#slot(value, part(trail, ' (a value)'), weak))
      }
    }
    return this.#queue.length > 0
  }

  /** The place of a value in the table. Its parts are looked at later, so that no depth overflows the stack. */
  #slot(value: unknown, trail: Trail, holder: object | undefined): Slot {
    if (typeof value === 'symbol') return this.#symbol(value)
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value as Slot
    const known = this.#numbers.get(value)
    if (known !== undefined) return [known]
    const number = this.#nodes.length
    this.#numbers.set(value, number)
    this.#nodes.push({ kind: 'sink' })
    this.#queue.push(() => {
      if (this.#nodes[number]?.kind === 'sink') this.#nodes[number] = this.#nodeOf(value, trail, holder)
    })
    return [number]
  }

  #symbol(value: symbol): Slot {
    const known = this.#numbers.get(value)
    if (known !== undefined) return [known]
    const wellKnown = Object.getOwnPropertyNames(Symbol).find(
      name => Object.getOwnPropertyDescriptor(Symbol, name)?.value === value,
    )
    const registered = Symbol.keyFor(value)
    const node: Node = wellKnown
      ? { kind: 'global', path: ['Symbol', wellKnown] }
      : { kind: 'symbol', description: registered ?? value.description, registered: registered !== undefined }
    this.#numbers.set(value, this.#nodes.push(node) - 1)
    return [this.#nodes.length - 1]
  }

  #nodeOf(value: object, trail: Trail, holder: object | undefined): Node {
    if (types.isProxy(value)) {
      const imported = this.#importOf(value)
      if (imported) return imported
      throw refusal(
        this.#options.call,
        trail,
        'a Proxy',
        'What it does cannot be seen: send the object behind it, and make the Proxy inside the function.',
      )
    }
    const native = nativeNode(value)
    if (native) return native
    this.#options.seen.object(value)
    if (typeof value === 'function') return this.#function(value, trail, holder)
    return this.#object(value, trail)
  }

  // Functions and classes

  #function(value: AnyFunction, trail: Trail, holder: object | undefined): Node {
    const { call, byValue, atomic } = this.#options
    const wrapper = wrapped(value)
    if (wrapper) {
      if (atomic) {
        throw refusal(
          call,
          trail,
          'an atomic function',
          'An atomic function cannot run inside another one: call the plain function that it wraps.',
        )
      }
      const reference = byValue ? undefined : this.#reference(wrapper.inner, value)
      return (
        reference ?? { kind: 'wrapper', name: wrapper.name, of: this.#slot(wrapper.inner, trail, holder) }
      )
    }
    const text = Function.prototype.toString.call(value)
    if (/\{\s*\[native code\]\s*\}$/.test(text)) return this.#nativeFunction(value, trail)
    const closure = this.#engine.closure(value)
    const script = closure && scriptOf(this.#engine, closure, value)
    if (script?.url.startsWith('node:')) return this.#nativeFunction(value, trail)
    if (/^cov_\w+$/.test(value.name) && /\bcoverage\b/.test(text)) return { kind: 'sink' }
    if (closure && script && !byValue && !this.#asText.has(value)) {
      const reference = exportedAs(value, closure, script)
      if (reference) return reference
    }
    const written = closure && script && writtenIn(script, closure, text)
    if (!written) {
      throw refusal(
        call,
        trail,
        'a function whose source cannot be found',
        'Functions made by `new Function` or `eval` in code that is gone cannot be read: write it in a file.',
      )
    }
    return this.#byValue(value, closure, script, written, trail, holder)
  }

  #reference(inner: AnyFunction, wrapper: object): Node | undefined {
    const closure = this.#engine.closure(inner)
    const script = closure && scriptOf(this.#engine, closure, inner)
    return closure && script && exportedAs(wrapper, closure, script)
  }

  #nativeFunction(value: AnyFunction, trail: Trail): Node {
    const builtin = builtinNode(value)
    if (builtin) return builtin
    if (value.name.startsWith('bound ')) {
      throw refusal(
        this.#options.call,
        trail,
        'a bound function',
        'What it is bound to cannot be seen: use an arrow function that makes the call, `(...args) => object.method(...args)`.',
      )
    }
    const resolve: unknown = Object.getOwnPropertyDescriptor(value, 'resolve')?.value
    const required = typeof resolve === 'function' && 'cache' in value && 'main' in value
    if (required)
      throw refusal(
        this.#options.call,
        trail,
        'a `require` function of another module',
        'Require the module where the function is written.',
      )
    throw refusal(
      this.#options.call,
      trail,
      'a native function',
      'It has no source to send: call it by its global name, or import it, inside the function.',
    )
  }

  #byValue(
    value: AnyFunction,
    closure: Closure,
    script: Script,
    written: Written,
    trail: Trail,
    holder: object | undefined,
  ): Node {
    const { call } = this.#options
    const { node, form, start, end } = written
    this.#seen.set(script, closure)
    const text = script.source.slice(start, end)
    const name = value.name || trail.name
    const around = surroundingsOf(written, text)
    const here = (offset: number): Trail => ({ ...trail, place: () => placeIn(script, offset) })
    if (around.borrowed && !(around.borrowed.word === 'this' && written.within.length === 0)) {
      const { word, start: at } = around.borrowed
      throw misuse(
        call,
        here(at),
        `uses \`${word}\` of the code around it`,
        `Keep what it needs in a variable, and use the variable.`,
      )
    }
    if (around.privateName) {
      const { word, start: at } = around.privateName
      throw misuse(
        call,
        here(at),
        `uses the private \`${word}\` of the class around it`,
        'Send the class or an instance, and call the method there.',
      )
    }
    const { line, column } = placeOf(script, start)
    const strict = form === 'class' || isStrict(script, written)
    const made: FunctionNode = {
      kind: 'function',
      form,
      source: '',
      name: value.name,
      strict,
      from: script.url,
      line,
      column,
      variables: [],
      properties: [],
    }
    const draft: Draft = {
      node: made,
      value,
      script,
      written,
      edits: around.edits,
      shared: [],
      restores: this.#asText.has(value),
    }
    this.#drafts.set(value, draft)
    const ownName = form === 'function' || form === 'class' ? idOf(node) : undefined
    for (const [free, references] of freeNames(script, start, end)) {
      this.#variable(draft, free, references, closure, { trail, name, ownName, holder })
    }
    if (form === 'class') this.#classParts(draft, value, closure, trail)
    else this.#prototypeParts(made, value, trail)
    const proto: unknown = Object.getPrototypeOf(value)
    if (form !== 'class' && proto !== ordinaryPrototype(value)) made.proto = this.#slot(proto, trail, value)
    const isWritten = form === 'class' ? methodsIn(draft, value, true) : () => false
    this.#own(made, value, trail, key => {
      if (isWritten(key)) return true
      if (key === 'length' || key === 'prototype' || key === 'arguments' || key === 'caller') return true
      return key === 'name' && typeof Object.getOwnPropertyDescriptor(value, key)?.value === 'string'
    })
    return made
  }

  /** One variable that a function takes from around it. */
  #variable(
    draft: Draft,
    name: string,
    references: Reference[],
    closure: Closure,
    about: { trail: Trail; name: string; ownName: string | undefined; holder: object | undefined },
  ): void {
    const { node, script, value } = draft
    const [first] = references
    if (!first || name === 'arguments') return
    const runner = RUNNER_WORDS.find(([pattern]) => pattern.test(name))
    if (runner) {
      for (const { start, end } of references) draft.edits.push({ start, end, text: runner[1] })
      return
    }
    const scope = closure.scopes.find(variables => Object.hasOwn(variables, name))
    const binding = first.binding
    const trail: Trail = { up: about.trail, name, variable: true, place: () => placeIn(script, first.start) }
    const imported = binding && importedAs(binding)
    if (imported && !binding.reassigned) {
      const carried = this.#imported(imported, script)
      if (carried !== undefined) {
        node.variables.push([name, carried])
        return
      }
    }
    if (!scope) {
      if (!isKnownGlobal(name) && name in globalThis) {
        const own: unknown = Object.getOwnPropertyDescriptor(globalThis, name)?.value
        this.#options.seen.unclear()
        if (own !== undefined) node.variables.push([name, this.#slot(own, trail, undefined)])
      }
      return
    }
    const found = scope[name]
    if (found === value && name === about.ownName) return
    if (!binding || binding.reassigned || found === undefined)
      this.#changeable(draft, name, binding, closure, found)
    if (found === undefined && binding && isUninitialised(binding, script)) {
      throw misuse(
        this.#options.call,
        trail,
        'is not initialised yet',
        'Send the function after the line that declares it.',
      )
    }
    if (name === 'require' && typeof found === 'function' && 'cache' in found) {
      node.variables.push([name, this.#number({ kind: 'requirer', from: script.url })])
      return
    }
    const slot = this.#slot(found, trail, scope)
    if (binding?.reassigned && binding.kind !== 'import') {
      draft.shared.push({
        name,
        key: this.#cellKey(binding, script, scope, slot, about.holder),
        references,
        value: slot,
      })
    } else node.variables.push([name, slot])
  }

  /** Of the variables of a module there is one each, whichever function shows it. */
  #changeable(
    draft: Draft,
    name: string,
    binding: Binding | undefined,
    closure: Closure,
    value: unknown,
  ): void {
    const { seen } = this.#options
    if (binding && !binding.scope.parent) {
      const shown = this.#shown.get(closure.scriptId) ?? draft.value
      this.#shown.set(closure.scriptId, shown)
      seen.variable(shown, name, value)
    } else seen.variable(draft.value, name, value)
  }

  #imported(
    { how, specifier, path, interop }: NonNullable<ReturnType<typeof importedAs>>,
    script: Script,
  ): Slot | undefined {
    const from = script.url
    if (isBuiltin(specifier)) {
      const within = how === 'import' || interop ? path : ['default', ...path]
      return this.#number({ kind: 'builtin', id: specifier, path: within })
    }
    const isFile = isFileSpecifier(specifier)
    if ((isFile && this.#options.byValue) || !from.startsWith('file:')) return undefined
    const target = isFile ? resolveFile(specifier, from) : undefined
    if (target && isEntry(target)) return undefined
    const hash = target && fileHash(target)
    if (how === 'import')
      return this.#number({ kind: 'import', from, specifier: target ?? specifier, path, hash })
    return this.#number({ kind: 'require', from, specifier, path, hash, interop })
  }

  /** A module that was met as a value: which import gave it is seen in the modules looked at so far. */
  #importOf(value: object): Node | undefined {
    for (const [script, closure] of this.#seen) {
      for (const variables of closure.scopes) {
        for (const [name, found] of Object.entries(variables)) {
          const binding = found === value ? bindingOf(script, name) : undefined
          const imported = binding && importedAs(binding)
          const slot = imported && this.#imported(imported, script)
          const node = Array.isArray(slot) ? this.#nodes[slot[0]] : undefined
          if (node) return node
        }
      }
    }
    return undefined
  }

  #number(node: Node): Slot {
    return [this.#nodes.push(node) - 1]
  }

  /** Two functions share a variable when it is the same declaration, in the same run of the code around it. */
  #cellKey(
    binding: Binding,
    script: Script,
    scope: Record<string, unknown>,
    slot: Slot,
    holder: object | undefined,
  ): string {
    const place = `${script.url}:${binding.scope.start}:${binding.name}`
    if (!binding.scope.parent) return place
    let witness = holder
    for (const [name, beside] of binding.scope.variables) {
      const value: unknown = Object.getOwnPropertyDescriptor(scope, name)?.value
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null) continue
      if (!isMadeBy(beside, value, script)) continue
      witness = value
      break
    }
    if (!witness) return `${place}:${this.#nodes.length}:${this.#witnesses.size}`
    const id = this.#witnesses.get(witness) ?? this.#witnesses.size
    this.#witnesses.set(witness, id)
    return `${place}@${id}:${JSON.stringify(slot, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part))}`
  }

  #prototypeParts(node: FunctionNode, value: AnyFunction, trail: Trail): void {
    const prototype: unknown = Object.getOwnPropertyDescriptor(value, 'prototype')?.value
    if (typeof prototype !== 'object' || prototype === null) return
    this.#options.seen.object(prototype)
    const plain = Object.getPrototypeOf(prototype) === Object.prototype
    const keys = Reflect.ownKeys(prototype).filter(key => key !== 'constructor')
    if (types.isGeneratorFunction(value) ? keys.length === 0 : plain && keys.length === 0) return
    this.#prototypeOwn(node, value, prototype, trail, () => false)
  }

  /** What was added to the prototype of a function or class after it was made. */
  #prototypeOwn(
    node: FunctionNode,
    value: AnyFunction,
    prototype: object,
    trail: Trail,
    skip: (key: string | symbol) => boolean,
  ): void {
    const own: ObjectNode = { kind: 'object', base: 'Object', properties: [] }
    this.#own(
      own,
      prototype,
      { up: trail, name: '.prototype', variable: false, place: trail.place },
      key => key === 'constructor' || skip(key),
    )
    const parent: unknown = Object.getPrototypeOf(prototype)
    if (node.form !== 'class' && parent !== Object.prototype) own.proto = this.#slot(parent, trail, value)
    if (own.properties.length || own.proto !== undefined) node.prototype = this.#number(own)
  }

  #classParts(draft: Draft, value: AnyFunction, closure: Closure, trail: Trail): void {
    void closure
    const { node, written } = draft
    const plan = planClass(written.node, false)
    const parent: unknown = Object.getPrototypeOf(value)
    if (plan.derived)
      node.parent = this.#slot(
        parent,
        {
          up: trail,
          name: className(parent as object) && (parent as AnyFunction).name,
          variable: true,
          place: trail.place,
        },
        undefined,
      )
    if (plan.staticPrivates.length) {
      this.#options.seen.unclear()
      const hidden = new Map(this.#engine.privates(value))
      node.statics = plan.staticPrivates.map(name => [
        name,
        this.#slot(hidden.get(name), part(trail, `.${name}`), value),
      ])
    }
    const prototype: unknown = value.prototype
    if (typeof prototype !== 'object' || prototype === null) return
    this.#options.seen.object(prototype)
    this.#prototypeOwn(node, value, prototype, trail, methodsIn(draft, prototype, false))
  }

  // Objects

  #object(value: object, trail: Trail): Node {
    if (types.isModuleNamespaceObject(value)) return this.#namespace(value, trail)
    if (
      types.isDate(value) ||
      types.isRegExp(value) ||
      types.isAnyArrayBuffer(value) ||
      ArrayBuffer.isView(value) ||
      types.isBoxedPrimitive(value)
    ) {
      if (types.isSharedArrayBuffer(value)) throw refusal(this.#options.call, trail, ...whyNot(value))
      return { kind: 'leaf', value }
    }
    if (value instanceof URL) return { kind: 'new', name: 'URL', argument: value.href }
    if (value instanceof URLSearchParams)
      return { kind: 'new', name: 'URLSearchParams', argument: String(value) }
    if (value instanceof TextEncoder) return { kind: 'new', name: 'TextEncoder', argument: 'utf-8' }
    if (value instanceof TextDecoder) return { kind: 'new', name: 'TextDecoder', argument: value.encoding }
    if (
      types.isPromise(value) ||
      types.isGeneratorObject(value) ||
      types.isExternal(value) ||
      types.isMapIterator(value) ||
      types.isSetIterator(value) ||
      value instanceof WeakRef
    ) {
      throw refusal(this.#options.call, trail, ...whyNot(value))
    }
    const builtin = className(value) === 'Object' ? builtinNode(value) : undefined
    if (builtin) return builtin
    const base = baseOf(value)
    const node: ObjectNode = { kind: 'object', base, properties: [] }
    const proto: unknown = Object.getPrototypeOf(value)
    if (proto !== BASES[base]) node.proto = this.#proto(proto, value, trail)
    if (Array.isArray(value) && isDense(value)) {
      node.entries = value.map((item: unknown, index) => this.#slot(item, part(trail, `[${index}]`), value))
      this.#own(
        node,
        value,
        trail,
        key => key === 'length' || (typeof key === 'string' && /^(?:0|[1-9]\d*)$/.test(key)),
      )
    } else {
      if (value instanceof Map) {
        node.entries = [...Map.prototype.entries.call(value)].flatMap(([key, item]) => [
          this.#slot(key, part(trail, ' (a key)'), value),
          this.#slot(item, part(trail, typeof key === 'string' ? `.get('${key}')` : ' (a value)'), value),
        ])
      } else if (value instanceof Set) {
        node.entries = [...Set.prototype.values.call(value)].map(item =>
          this.#slot(item, part(trail, ' (an item)'), value),
        )
      }
      this.#own(node, value, trail, () => false)
    }
    if (base === 'WeakMap' || base === 'WeakSet') {
      this.#weak.set(value, { node, trail })
      this.#options.seen.unclear()
    }
    if (node.proto !== undefined) this.#privateParts(node, value, trail)
    return node
  }

  #proto(proto: unknown, value: object, trail: Trail): Slot {
    if (typeof proto !== 'object' || proto === null) return null
    const known = this.#numbers.get(proto)
    if (known !== undefined) return [known]
    const maker: unknown = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value
    if (typeof maker !== 'function') return this.#slot(proto, trail, undefined)
    const { call } = this.#options
    if (nativeNode(maker)) {
      if (!isOrdinary(maker.prototype)) throw refusal(call, trail, ...whyNot(value))
    } else if (!builtinBase(maker)) {
      const closure = this.#engine.closure(maker)
      const script = closure && scriptOf(this.#engine, closure, maker)
      if (!closure || script?.url.startsWith('node:')) throw refusal(call, trail, ...whyNot(value))
      if (isOwnClass(maker, script)) throw refusal(call, trail, `a zproc ${maker.name}`, OWN_ADVICE)
    }
    if (maker.prototype !== proto) return this.#slot(proto, trail, undefined)
    const number = this.#nodes.push({ kind: 'prototype', of: undefined }) - 1
    this.#numbers.set(proto, number)
    const of = this.#slot(
      maker,
      { up: trail, name: maker.name, variable: true, place: trail.place },
      undefined,
    )
    this.#nodes[number] = { kind: 'prototype', of }
    return [number]
  }

  /** Private fields exist only on what the class itself has made: its text has to go along. */
  #privateParts(node: ObjectNode, value: object, trail: Trail): void {
    const hidden = this.#engine.privates(value)
    const classes: AnyFunction[] = []
    for (let at: unknown = Object.getPrototypeOf(value); at; at = Object.getPrototypeOf(at)) {
      const maker: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value
      if (typeof maker === 'function' && !nativeNode(maker)) classes.unshift(maker)
    }
    // Compilers keep private fields in WeakMaps beside the class.
    for (const one of classes) if (this.#isKeptBeside(one, value)) this.#textOf(one, trail)
    if (hidden.length === 0) return
    this.#options.seen.unclear()
    node.privates = []
    for (const one of classes) {
      if (builtinBase(one)) continue
      const draft = this.#textOf(one, trail)
      const values = planClass(draft.written.node, false).privateFields.map((name): [string, Slot] => {
        const at = hidden.findIndex(([known]) => known === name)
        const [found] = at < 0 ? [] : hidden.splice(at, 1)
        return [name, this.#slot(found?.[1], part(trail, `.${name}`), value)]
      })
      draft.restores = true
      const number = this.#numbers.get(one)
      if (number !== undefined && values.length) node.privates.push([[number], values])
    }
  }

  #isKeptBeside(one: AnyFunction, value: object): boolean {
    let kept = this.#beside.get(one)
    if (!kept) {
      const scopes = this.#engine.closure(one)?.scopes ?? []
      kept = scopes
        .flatMap(scope => Object.values(scope))
        .filter(found => types.isWeakMap(found) || types.isWeakSet(found))
      this.#beside.set(one, kept)
    }
    return kept.some(weak => weak.has(value))
  }

  /** Takes a class by its text, even if a module exports it. */
  #textOf(value: AnyFunction, trail: Trail): Draft {
    this.#asText.add(value)
    const known = this.#drafts.get(value)
    if (known) return known
    const inner: Trail = { up: trail, name: value.name, variable: true, place: trail.place }
    this.#slot(value, inner, undefined)
    const number = this.#numbers.get(value) ?? 0
    this.#nodes[number] = this.#function(value, inner, undefined)
    const draft = this.#drafts.get(value)
    if (!draft)
      throw refusal(
        this.#options.call,
        trail,
        `an instance of ${value.name} with private fields`,
        'The text of its class cannot be read: make the instance inside the function.',
      )
    return draft
  }

  #namespace(value: object, trail: Trail): Node {
    const fallback: unknown = Object.getOwnPropertyDescriptor(value, 'default')?.value
    const builtin = typeof fallback === 'object' && fallback !== null ? builtinNode(fallback) : undefined
    if (builtin) return builtin
    const imported = this.#importOf(value)
    if (imported) return imported
    const node: ObjectNode = { kind: 'object', base: 'Object', proto: null, properties: [] }
    this.#own(node, value, trail, key => key === Symbol.toStringTag)
    return node
  }

  /** The own properties of anything, accessors as accessors. */
  #own(node: Own, value: object, trail: Trail, skip: (key: string | symbol) => boolean): void {
    for (const key of Reflect.ownKeys(value)) {
      if (skip(key)) continue
      const described = Object.getOwnPropertyDescriptor(value, key)
      if (described) node.properties.push(this.#property(key, described, trail, value))
    }
    if (!Object.isExtensible(value)) node.closed = Object.isFrozen(value) ? 3 : Object.isSealed(value) ? 2 : 1
  }

  #property(key: string | symbol, described: PropertyDescriptor, trail: Trail, holder: object): Property {
    const name =
      typeof key === 'symbol'
        ? `[${String(key)}]`
        : /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
          ? `.${key}`
          : `['${key}']`
    const at = part(trail, name)
    const bits =
      (described.enumerable ? 1 : 0) | (described.configurable ? 2 : 0) | (described.writable ? 4 : 0)
    const keySlot = this.#slot(key, at, holder)
    if (described.get || described.set)
      return [keySlot, this.#slot(described.get, at, holder), this.#slot(described.set, at, holder), bits]
    const slot = this.#slot(described.value, at, holder)
    return bits === 7 ? [keySlot, slot] : [keySlot, slot, bits]
  }

  // The texts

  #writeAll(): void {
    const uses = new Map<string, number>()
    for (const { shared } of this.#drafts.values())
      for (const { key } of shared) uses.set(key, (uses.get(key) ?? 0) + 1)
    const cells = new Map<string, Slot>()
    for (const draft of this.#drafts.values()) this.#write(draft, uses, cells)
  }

  #write(
    { node, script, written, edits, shared, restores }: Draft,
    uses: Map<string, number>,
    cells: Map<string, Slot>,
  ): void {
    const all = [...edits]
    for (const { name, key, references, value } of shared) {
      if ((uses.get(key) ?? 0) < 2) {
        node.variables.push([name, value])
        continue
      }
      const cell = cells.get(key) ?? this.#number({ kind: 'cell', value })
      cells.set(key, cell)
      node.cells ??= []
      node.cells.push([name, cell])
      for (const { start, end, shorthand } of references) {
        all.push({ start, end, text: shorthand ? `${name}: $zp_cell_${name}.v` : `$zp_cell_${name}.v` })
      }
    }
    if (node.form === 'class') {
      all.push(...planClass(written.node, restores).edits)
      if (restores) node.restores = true
    }
    node.source = rewritten(script, written, all)
  }
}

/** What a test runner writes for `import()` and `import.meta`. */
const RUNNER_WORDS: [RegExp, string][] = [
  [/^__vi\w*dynamic_import__$/, '$zp_import'],
  [/^__vi\w*import_meta__$/, '$zp_meta'],
]

function part(up: Trail, name: string): Trail {
  return { up, name, variable: false, place: up.place }
}

/** A variable of the module as a whole: what a test runner wraps a module in counts as the module. */
function bindingOf({ references }: Script, name: string): Binding | undefined {
  return references.find(({ name: used, binding }) => used === name && binding !== undefined)?.binding
}

function idOf(node: AnyNode): string | undefined {
  return 'id' in node && node.id?.type === 'Identifier' ? node.id.name : undefined
}

function isStrict(script: Script, { node, within }: Written): boolean {
  if (script.isModule) return true
  for (const at of [node, ...within]) {
    if (at.type === 'ClassDeclaration' || at.type === 'ClassExpression') return true
    if ('body' in at && isBody(at.body) && hasDirective(at.body.body)) return true
  }
  return hasDirective(script.program.body)
}

function isBody(body: unknown): body is { body: unknown[] } {
  return typeof body === 'object' && body !== null && 'body' in body && Array.isArray(body.body)
}

function hasDirective(statements: unknown[]): boolean {
  return statements.some(
    statement =>
      typeof statement === 'object' &&
      statement !== null &&
      'directive' in statement &&
      statement.directive === 'use strict',
  )
}

/** Does the declaration itself make the value? Then there is one for each run of the code around it. */
function isMadeBy({ node, reassigned }: Binding, value: object, { functions, source }: Script): boolean {
  const init = node.type === 'VariableDeclarator' ? node.init : undefined
  if (!reassigned && init && /^(?:Object|Array|New|Function|ArrowFunction|Class)Expression$/.test(init.type))
    return true
  if (typeof value !== 'function') return false
  const text = Function.prototype.toString.call(value)
  return functions.some(
    ({ start, end }) => start >= node.start && end <= node.end && source.slice(start, end) === text,
  )
}

/** Which members of a class, or of its prototype, come with its text: methods that nobody has replaced. */
function methodsIn(
  { written, script }: Draft,
  owner: object,
  isStatic: boolean,
): (key: string | symbol) => boolean {
  const { node } = written
  const texts = new Map<string, string>()
  let computed = false
  for (const member of node.type === 'ClassDeclaration' || node.type === 'ClassExpression'
    ? node.body.body
    : []) {
    if (member.type !== 'MethodDefinition' || member.static !== isStatic) continue
    const { key } = member
    if (member.computed) computed = true
    else if (key.type === 'Identifier') texts.set(key.name, textOf(member, script))
    else if (key.type === 'Literal') texts.set(String(key.value), textOf(member, script))
  }
  return key => {
    const { value, get, set } = Object.getOwnPropertyDescriptor(owner, key) ?? {}
    const text = typeof key === 'string' ? texts.get(key) : undefined
    if (text === undefined) return computed && typeof (value ?? get ?? set) === 'function'
    return get || set ? true : typeof value === 'function' && Function.prototype.toString.call(value) === text
  }
}

function textOf(member: AnyNode, { source }: Script): string {
  return source.slice(member.start, member.end).replace(/^static\s+/, '')
}

const BASES: Record<Base, object> = {
  Object: Object.prototype,
  Array: Array.prototype,
  Map: Map.prototype,
  Set: Set.prototype,
  Error: Error.prototype,
  WeakMap: WeakMap.prototype,
  WeakSet: WeakSet.prototype,
}

function baseOf(value: object): Base {
  if (Array.isArray(value)) return 'Array'
  if (types.isMap(value)) return 'Map'
  if (types.isSet(value)) return 'Set'
  if (types.isNativeError(value)) return 'Error'
  if (types.isWeakMap(value)) return 'WeakMap'
  return types.isWeakSet(value) ? 'WeakSet' : 'Object'
}

/** What the engine makes itself has parts that are no properties: only the kinds in `BASES` can be made again. */
function isOrdinary(proto: unknown): boolean {
  return Object.values(BASES).some(known => known === proto) || proto instanceof Error
}

/** A class of Node that is made of ordinary properties: it may be extended, and sent. */
function builtinBase(maker: AnyFunction): boolean {
  return maker.name === 'EventEmitter' && builtinNode(maker) !== undefined
}

function isOwnClass(maker: AnyFunction, script: Script | undefined): boolean {
  return (
    script?.url.startsWith(HOME) === true && /^(?:Context|State|Process|StateView|Server)$/.test(maker.name)
  )
}

const HOME = new URL('../', import.meta.url).href

function isDense(array: unknown[]): boolean {
  for (let index = 0; index < array.length; index++) if (!(index in array)) return false
  return true
}

const AsyncFunction = Object.getPrototypeOf(async () => {}) as object
const GeneratorFunction = Object.getPrototypeOf(function* () {}) as object
const AsyncGeneratorFunction = Object.getPrototypeOf(async function* () {}) as object

function ordinaryPrototype(value: AnyFunction): object {
  const isAsync = types.isAsyncFunction(value)
  if (types.isGeneratorFunction(value)) return isAsync ? AsyncGeneratorFunction : GeneratorFunction
  return isAsync ? AsyncFunction : Function.prototype
}
