import { types } from 'node:util'
import { type Cargo, type Draft, type FunctionNode, type ObjectNode, part } from './cargo.ts'
import { methodsIn, planClass } from './classes.ts'
import { exportedAs } from './exported.ts'
import type { Closure } from './inspect.ts'
import { builtinNode } from './natives.ts'
import { addProperties } from './properties.ts'
import { misuse, placeIn, refusal, type Trail } from './refusal.ts'
import { surroundingsOf } from './rewrite.ts'
import {
  freeNames,
  idOf,
  isStrict,
  placeOf,
  type Script,
  scriptOf,
  type Written,
  writtenIn,
} from './script.ts'
import type { AnyFunction, Node } from './shipment.ts'
import { addVariable } from './variables.ts'
import { wrapped } from './wrappers.ts'

/** A function or class: by reference where a module exports it, else by its text. */
export function functionNode(
  cargo: Cargo,
  value: AnyFunction,
  trail: Trail,
  holder: object | undefined,
): Node {
  const { call, byValue, atomic } = cargo.options
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
    const reference = byValue ? undefined : referenceTo(cargo, wrapper.inner, value)
    return reference ?? { kind: 'wrapper', name: wrapper.name, of: cargo.slot(wrapper.inner, trail, holder) }
  }
  const text = Function.prototype.toString.call(value)
  if (/\{\s*\[native code\]\s*\}$/.test(text)) return nativeFunction(cargo, value, trail)
  const builtin = builtinNode(value)
  if (builtin) return builtin
  const closure = cargo.engine.closure(value)
  const script = closure && scriptOf(cargo.engine, closure, value)
  if (script?.url.startsWith('node:')) return nativeFunction(cargo, value, trail)
  if (/^cov_\w+$/.test(value.name) && /\bcoverage\b/.test(text)) return { kind: 'sink' }
  if (closure && script && !byValue && !cargo.asText.has(value)) {
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
  return textNode(cargo, value, closure, script, written, trail, holder)
}

/** Takes a class by its text, even if a module exports it. */
export function textOfClass(cargo: Cargo, value: AnyFunction, trail: Trail): Draft {
  cargo.asText.add(value)
  const known = cargo.drafts.get(value)
  if (known) return known
  const inner: Trail = { up: trail, name: value.name, variable: true, place: trail.place }
  cargo.slot(value, inner, undefined)
  const number = cargo.numbers.get(value) ?? 0
  cargo.nodes[number] = functionNode(cargo, value, inner, undefined)
  const draft = cargo.drafts.get(value)
  if (!draft)
    throw refusal(
      cargo.options.call,
      trail,
      `an instance of ${value.name} with private fields`,
      'The text of its class cannot be read: make the instance inside the function.',
    )
  return draft
}

function referenceTo(cargo: Cargo, inner: AnyFunction, wrapper: object): Node | undefined {
  const closure = cargo.engine.closure(inner)
  const script = closure && scriptOf(cargo.engine, closure, inner)
  return closure && script && exportedAs(wrapper, closure, script)
}

function nativeFunction(cargo: Cargo, value: AnyFunction, trail: Trail): Node {
  const builtin = builtinNode(value)
  if (builtin) return builtin
  if (value.name.startsWith('bound ')) {
    throw refusal(
      cargo.options.call,
      trail,
      'a bound function',
      'What it is bound to cannot be seen: use an arrow function that makes the call, `(...args) => object.method(...args)`.',
    )
  }
  const resolve: unknown = Object.getOwnPropertyDescriptor(value, 'resolve')?.value
  const required = typeof resolve === 'function' && 'cache' in value && 'main' in value
  if (required)
    throw refusal(
      cargo.options.call,
      trail,
      'a `require` function of another module',
      'Require the module where the function is written.',
    )
  throw refusal(
    cargo.options.call,
    trail,
    'a native function',
    'It has no source to send: call it by its global name, or import it, inside the function.',
  )
}

function textNode(
  cargo: Cargo,
  value: AnyFunction,
  closure: Closure,
  script: Script,
  written: Written,
  trail: Trail,
  holder: object | undefined,
): Node {
  const { call } = cargo.options
  const { node, form, start, end } = written
  cargo.seen.set(script, closure)
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
    restores: cargo.asText.has(value),
  }
  cargo.drafts.set(value, draft)
  const ownName = form === 'function' || form === 'class' ? idOf(node) : undefined
  for (const [free, references] of freeNames(script, start, end)) {
    addVariable(cargo, draft, free, references, closure, { trail, name, ownName, holder })
  }
  if (form === 'class') addClassParts(cargo, draft, value, trail)
  else addPrototype(cargo, made, value, trail)
  const proto: unknown = Object.getPrototypeOf(value)
  if (form !== 'class' && proto !== ordinaryPrototype(value)) made.proto = cargo.slot(proto, trail, value)
  const isWritten = form === 'class' ? methodsIn(draft.written.node, draft.script, value, true) : () => false
  addProperties(cargo, made, value, trail, key => {
    if (isWritten(key)) return true
    if (key === 'length' || key === 'prototype' || key === 'arguments' || key === 'caller') return true
    return key === 'name' && typeof Object.getOwnPropertyDescriptor(value, key)?.value === 'string'
  })
  return made
}

function addPrototype(cargo: Cargo, node: FunctionNode, value: AnyFunction, trail: Trail): void {
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, 'prototype')?.value
  if (typeof prototype !== 'object' || prototype === null) return
  cargo.options.seen.object(prototype)
  const plain = Object.getPrototypeOf(prototype) === Object.prototype
  const keys = Reflect.ownKeys(prototype).filter(key => key !== 'constructor')
  if (types.isGeneratorFunction(value) ? keys.length === 0 : plain && keys.length === 0) return
  addToPrototype(cargo, node, value, prototype, trail, () => false)
}

/** What was added to the prototype of a function or class after it was made. */
function addToPrototype(
  cargo: Cargo,
  node: FunctionNode,
  value: AnyFunction,
  prototype: object,
  trail: Trail,
  skip: (key: string | symbol) => boolean,
): void {
  const own: ObjectNode = { kind: 'object', base: 'Object', properties: [] }
  addProperties(
    cargo,
    own,
    prototype,
    { up: trail, name: '.prototype', variable: false, place: trail.place },
    key => key === 'constructor' || skip(key),
  )
  const parent: unknown = Object.getPrototypeOf(prototype)
  if (node.form !== 'class' && parent !== Object.prototype) own.proto = cargo.slot(parent, trail, value)
  if (own.properties.length || own.proto !== undefined) node.prototype = cargo.number(own)
}

function addClassParts(cargo: Cargo, draft: Draft, value: AnyFunction, trail: Trail): void {
  const { node, written } = draft
  const plan = planClass(written.node, false)
  const parent: unknown = Object.getPrototypeOf(value)
  if (plan.derived)
    node.parent = cargo.slot(
      parent,
      {
        up: trail,
        name: typeof parent === 'function' ? parent.name : '',
        variable: true,
        place: trail.place,
      },
      undefined,
    )
  if (plan.staticPrivates.length) {
    cargo.options.seen.unclear()
    const hidden = new Map(cargo.engine.privates(value))
    node.statics = plan.staticPrivates.map(name => [
      name,
      cargo.slot(hidden.get(name), part(trail, `.${name}`), value),
    ])
  }
  const prototype: unknown = value.prototype
  if (typeof prototype !== 'object' || prototype === null) return
  cargo.options.seen.object(prototype)
  addToPrototype(
    cargo,
    node,
    value,
    prototype,
    trail,
    methodsIn(draft.written.node, draft.script, prototype, false),
  )
}

const AsyncFunction = Object.getPrototypeOf(async () => {}) as object
const GeneratorFunction = Object.getPrototypeOf(function* () {}) as object
const AsyncGeneratorFunction = Object.getPrototypeOf(async function* () {}) as object

function ordinaryPrototype(value: AnyFunction): object {
  const isAsync = types.isAsyncFunction(value)
  if (types.isGeneratorFunction(value)) return isAsync ? AsyncGeneratorFunction : GeneratorFunction
  return isAsync ? AsyncFunction : Function.prototype
}
