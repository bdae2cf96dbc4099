import type { AnyNode, FunctionExpression } from 'acorn'
import { builtinNode } from '../modules/builtins.ts'
import { exportedAs } from '../modules/exported.ts'
import type { AnyFunction, Node, Slot } from '../shipment.ts'
import type { Binding, Reference } from '../source/bindings.ts'
import type { Closure } from '../source/inspect.ts'
import type { Script, Written } from '../source/parsed.ts'
import { placeOf } from '../source/positions.ts'
import { surroundingsOf } from '../source/rewrite.ts'
import { freeNames, idOf, isStrict, scriptOf, writtenIn } from '../source/script.ts'
import { wrapped } from '../wrappers.ts'
import type { Cargo, Draft, FunctionNode } from './cargo.ts'
import { methodsIn, planClass } from './classes.ts'
import { foreignFunction, requireNode } from './native-functions.ts'
import { addProperties } from './properties.ts'
import { addClassParts, addPrototype, ordinaryPrototype } from './prototypes.ts'
import { finalRefusal, misuse, placeIn, refusal } from './refusal.ts'
import type { Trail } from './trail.ts'
import { addVariable } from './variables.ts'

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
      throw finalRefusal(
        call,
        trail,
        'an atomic function',
        'An atomic function cannot run inside another one: call the plain function that it wraps.',
      )
    }
    const reference = byValue ? undefined : referenceTo(cargo, wrapper.inner, value)
    return reference ?? { kind: 'wrapper', name: wrapper.name, of: cargo.slot(wrapper.inner, trail, holder) }
  }
  const required = requireNode(value)
  if (required) return required
  const text = Function.prototype.toString.call(value)
  if (/\{\s*\[native code\]\s*\}$/.test(text)) return foreignFunction(cargo, value, trail)
  const builtin = builtinNode(value)
  if (builtin) return builtin
  const closure = cargo.engine.closure(value)
  const script = closure && scriptOf(cargo.engine, closure, value, cargo.depths)
  if (script?.url.startsWith('node:')) return foreignFunction(cargo, value, trail)
  if (isCounter(value.name, text)) return { kind: 'sink' }
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
  const script = closure && scriptOf(cargo.engine, closure, inner, cargo.depths)
  return closure && script && exportedAs(wrapper, closure, script)
}

function textNode(
  cargo: Cargo,
  value: AnyFunction,
  closure: Closure,
  script: Script,
  written: Written,
  trail: Trail,
  holder: object | undefined,
  seenBy?: object,
): Node {
  const { call } = cargo.options
  const { node, form, start, end } = written
  cargo.scripts.set(script, closure)
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
  if (around.evaluates) {
    throw misuse(
      call,
      here(around.evaluates.start),
      'calls `eval`, which may name any variable around it',
      'Call `(0, eval)(…)`, which sees global variables alone, or make a function of what it evaluates.',
    )
  }
  const { line, column } = placeOf(script, start)
  const strict = form === 'class' || isStrict(script, written)
  // Of a function that was sent here, without what `compile` put into the name.
  const from = script.url.startsWith('file:') ? new URL(script.url).href : script.url
  const made: FunctionNode = {
    kind: 'function',
    form,
    source: '',
    name: value.name,
    strict,
    from,
    line,
    column,
    variables: [],
    properties: [],
  }
  if (from !== script.url) made.file = from
  const draft: Draft = {
    node: made,
    value,
    script,
    written,
    edits: around.edits,
    shared: [],
    restores: cargo.asText.has(value),
    ...(seenBy && { seenBy }),
  }
  cargo.drafts.set(value, draft)
  const own = form === 'function' || form === 'class' ? idOf(node) : undefined
  const cut = form === 'class' ? planClass(node, false).edits : []
  for (const [free, all] of freeNames(script, start, end)) {
    // What only made the class is not made again.
    const references = all.filter(at => !cut.some(edit => edit.start <= at.start && at.end <= edit.end))
    const enclosing = (binding: Binding) => enclosingFunction(cargo, draft, binding, closure, trail)
    addVariable(cargo, draft, free, references, closure, { trail, name, own, holder, enclosing })
  }
  if (form === 'class') addClassParts(cargo, draft, value, trail)
  else addPrototype(cargo, made, value, trail)
  const proto: unknown = Object.getPrototypeOf(value)
  if (form !== 'class' && proto !== ordinaryPrototype(value)) made.proto = cargo.slot(proto, trail, value)
  const isWritten = form === 'class' ? methodsIn(draft.written.node, draft.script, value, true) : () => false
  addProperties(cargo, made, value, trail, key => {
    if (isWritten(key)) return true
    if (key === 'length') return form === 'class' || value.length === lengthOf(node)
    if (key === 'prototype' || key === 'arguments' || key === 'caller') return true
    return key === 'name' && typeof Object.getOwnPropertyDescriptor(value, key)?.value === 'string'
  })
  return made
}

/**
 * The function expression around a function that uses its name: `(function again(n) { return () => again(n - 1) })`. The
 * engine does not say what that is. Its text does, as long as nothing is asked of it but to run, and as long as each
 * variable that it takes from outside is what the inner function would see under that name.
 */
function enclosingFunction(
  cargo: Cargo,
  inner: Draft,
  binding: Binding,
  closure: Closure,
  trail: Trail,
): Slot | undefined {
  const { name, node } = binding
  const { script } = inner
  const written = script.functions.find(one => one.node === node)
  if (!written || node.type !== 'FunctionExpression') return undefined
  const isMore = ({ binding: used, end, write }: Reference) =>
    used === binding && (write || /^\s*(?:\?\.|\.|\[)/.test(script.source.slice(end, end + 50)))
  if (script.references.some(isMore)) return undefined
  const free = freeNames(script, written.start, written.end)
  const isHidden = ({ name: used, binding }: Reference): boolean => {
    const scope = free.has(used) ? binding?.scope : undefined
    return scope !== undefined && isWithin(scope, node) && isWithin(inner.written, scope)
  }
  if (script.references.some(isHidden)) return undefined
  const made = standIn(node, name, lengthOf(node))
  return cargo.number(
    textNode(cargo, made, closure, script, written, trail, undefined, inner.seenBy ?? inner.value),
  )
}

const isWithin = (inner: { start: number; end: number }, outer: { start: number; end: number }): boolean =>
  inner.start >= outer.start && inner.end <= outer.end

/** A function of the same kind, for what is looked at in a function besides its text. */
function standIn({ async, generator }: FunctionExpression, name: string, length: number): AnyFunction {
  const plain = async ? async () => {} : () => {}
  const made = generator ? (async ? async function* () {} : function* () {}) : plain
  return Object.defineProperties(made, { name: { value: name }, length: { value: length } })
}

/** The function that istanbul writes into a module, and the one that this puts in its own place when it is first called. */
const isCounter = (name: string, text: string): boolean => /^cov_\w+$/.test(name) && /coverage/i.test(text)

/** The parameters before the first one with a default. */
function lengthOf(node: AnyNode): number {
  if (!('params' in node)) return 0
  const end = node.params.findIndex(({ type }) => type === 'AssignmentPattern' || type === 'RestElement')
  return end < 0 ? node.params.length : end
}
