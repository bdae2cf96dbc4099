import { types } from 'node:util'
import { isObject, nativeNode } from '../modules/builtins.ts'
import type { AnyFunction, Node, Shipment } from '../shipment.ts'
import type { Engine } from '../source/inspect.ts'
import { entries } from '../source/main-module.ts'
import { preferWhole } from '../source/script.ts'
import { type CaptureOptions, Cargo, part } from './cargo.ts'
import { shareMemory } from './data.ts'
import { writeTexts } from './function-texts.ts'
import { functionNode } from './functions.ts'
import { importableOn } from './importable.ts'
import { objectNode } from './objects.ts'
import { refusal, refusedAt } from './refusal.ts'
import type { Trail } from './trail.ts'
import type { Seen } from './unchanged.ts'
import { importOf } from './variables.ts'
import { checkWeight } from './weight.ts'

export interface Captured {
  shipment: Shipment
  /** What the shipment depends on. */
  seen: Seen
  /** Whether `seen` has variables that may never change: all of their scripts would tell. */
  hasGuessed: boolean
}

/**
 * Everything that a function needs elsewhere, as a table of nodes. Of the scripts that functions were written in no more is
 * looked at than these, unless `whole` asks for it, or something is met that only the whole script explains. Where a value
 * is refused that a module exports, the capture begins anew with that among `imports`.
 */
export function capture(
  fn: AnyFunction,
  name: string,
  engine: Engine,
  options: CaptureOptions,
  whole = false,
  imports: ReadonlyMap<object, Node> = new Map(),
): Captured {
  const cargo = new Cargo(engine, options, nodeOf, whole, imports)
  try {
    const captured = gather(cargo, fn, name)
    checkWeight(captured.shipment.nodes, options.call)
    return captured
  } catch (error) {
    // What is refused is refused for a reason that all of the script shows.
    if ([...(cargo.depths?.values() ?? [])].includes('parts')) {
      const closure = engine.closure(fn)
      if (closure) preferWhole(closure, fn)
      return capture(fn, name, engine, options, true, imports)
    }
    const trail = refusedAt(error)
    const instead = trail && importableOn(trail, options.byValue)
    if (!instead || imports.has(instead.value)) throw error
    return capture(fn, name, engine, options, whole, new Map([...imports, [instead.value, instead.node]]))
  }
}

function gather(cargo: Cargo, fn: object, name: string): Captured {
  const { options, seen } = cargo
  const start: Trail = { up: undefined, name, variable: true, place: () => '' }
  cargo.slot(fn, start, undefined)
  do cargo.finish()
  while (addWeakEntries(cargo))
  shareMemory(cargo, start)
  cargo.finish()
  writeTexts(cargo)
  const shipment = { nodes: cargo.nodes, entries: options.byValue ? [] : [...entries()] }
  return { shipment, seen, hasGuessed: cargo.hasGuessed }
}

function nodeOf(cargo: Cargo, value: object, trail: Trail, holder: object | undefined): Node {
  const instead = cargo.imports.get(value)
  if (instead) return instead
  if (types.isProxy(value)) {
    const imported = importOf(cargo, value)
    if (imported) return imported
    throw refusal(
      cargo.options.call,
      trail,
      'a Proxy',
      'What it does cannot be seen: send the object behind it, and make the Proxy inside the function.',
    )
  }
  const native = nativeNode(value)
  if (native) return native
  cargo.seen.object(value)
  if (typeof value === 'function') return functionNode(cargo, value, trail, holder)
  return objectNode(cargo, value, trail)
}

/** A WeakMap holds for what travels anyway; another key may be the only one who knows it. */
function addWeakEntries(cargo: Cargo): boolean {
  let isMore = false
  for (const [weak, { node, trail }] of cargo.weak) {
    for (const { key, value } of cargo.engine.entries(weak)) {
      const member = types.isWeakMap(weak) ? key : value
      const known = isObject(member) ? cargo.numbers.get(member) : undefined
      if (known === undefined || node.entries?.some(slot => Array.isArray(slot) && slot[0] === known))
        continue
      node.entries ??= []
      node.entries.push([known])
      isMore = true
      if (types.isWeakMap(weak)) node.entries.push(cargo.slot(value, part(trail, ' (a value)'), weak))
    }
  }
  return isMore
}
