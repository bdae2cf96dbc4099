import { types } from 'node:util'
import { builtinNode, nativeNode } from '../modules/builtins.ts'
import type { AnyFunction, Base, Node, Slot } from '../shipment.ts'
import { readVariable } from '../source/inspect.ts'
import { scriptOf } from '../source/script.ts'
import { type Cargo, type ObjectNode, part } from './cargo.ts'
import { planClass } from './classes.ts'
import { textOfClass } from './functions.ts'
import { isOwnClass } from './process-bound.ts'
import { finalRefusal, OWN_ADVICE, refusal, whyNot } from './refusal.ts'
import type { Trail } from './trail.ts'

/** The prototype of an object that is not the usual one of its kind. */
export function protoSlot(cargo: Cargo, value: object, trail: Trail): Slot {
  const proto: unknown = Object.getPrototypeOf(value)
  if (typeof proto !== 'object' || proto === null) return null
  if (!cargo.numbers.has(proto) && makerOf(proto))
    for (let at: unknown = proto; at; at = Object.getPrototypeOf(at)) checkMaker(cargo, at, value, trail)
  return cargo.slot(proto, trail, undefined)
}

/** The prototype object of a function or class is there when that is. */
export function prototypeNode(cargo: Cargo, value: object, trail: Trail): Node | undefined {
  const maker = makerOf(value)
  if (maker?.prototype !== value) return undefined
  const of = cargo.slot(maker, { up: trail, name: maker.name, variable: true, place: trail.place }, undefined)
  return { kind: 'prototype', of }
}

/** Private fields exist only on what the class itself has made: its text has to go along. */
export function addPrivates(cargo: Cargo, node: ObjectNode, value: object, trail: Trail): void {
  const hidden = cargo.engine.privates(value)
  const classes: AnyFunction[] = []
  for (let at: unknown = Object.getPrototypeOf(value); at; at = Object.getPrototypeOf(at)) {
    const maker = makerOf(at)
    if (maker && !nativeNode(maker)) classes.unshift(maker)
  }
  // Compilers keep private fields in WeakMaps beside the class.
  for (const one of classes) if (isKeptBeside(cargo, one, value)) textOfClass(cargo, one, trail)
  if (hidden.length === 0) return
  cargo.seen.unclear()
  node.privates = []
  for (const one of classes) {
    if (builtinBase(one)) continue
    const draft = textOfClass(cargo, one, trail)
    const values = planClass(draft.written.node, false).privateFields.map((name): [string, Slot] => {
      const at = hidden.findIndex(([known]) => known === name)
      const [found] = at < 0 ? [] : hidden.splice(at, 1)
      return [name, cargo.slot(found?.[1], part(trail, `.${name}`), value)]
    })
    draft.restores = true
    const number = cargo.numbers.get(one)
    if (number !== undefined && values.length) node.privates.push([[number], values])
  }
}

/** What the engine makes itself has parts that are no properties: only these kinds can be made again. */
export const BASES: Record<Base, object> = {
  Object: Object.prototype,
  Array: Array.prototype,
  Map: Map.prototype,
  Set: Set.prototype,
  Error: Error.prototype,
  WeakMap: WeakMap.prototype,
  WeakSet: WeakSet.prototype,
  Date: Date.prototype,
  RegExp: RegExp.prototype,
  Number: Number.prototype,
  String: String.prototype,
  Boolean: Boolean.prototype,
  BigInt: BigInt.prototype,
  Symbol: Symbol.prototype,
}

function makerOf(proto: unknown): AnyFunction | undefined {
  const maker: unknown = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value
  return typeof maker === 'function' ? maker : undefined
}

/** Objects of the engine, of Node and of zproc have more to them than properties: they, and what extends them, stay. */
function checkMaker(cargo: Cargo, proto: unknown, value: object, trail: Trail): void {
  const maker = makerOf(proto)
  if (!maker) return
  const { call } = cargo.options
  if (nativeNode(maker)) {
    if (!isOrdinary(maker.prototype)) throw refusal(call, trail, ...whyNot(value, maker.name))
  } else if (!builtinBase(maker) && !isView(proto)) {
    const closure = cargo.engine.closure(maker)
    const script = closure && scriptOf(cargo.engine, closure, maker, cargo.depths)
    if (!closure || script?.url.startsWith('node:')) throw refusal(call, trail, ...whyNot(value, maker.name))
    if (isOwnClass(maker, script)) throw finalRefusal(call, trail, `a zproc ${maker.name}`, OWN_ADVICE)
  }
}

function isKeptBeside(cargo: Cargo, one: AnyFunction, value: object): boolean {
  let kept = cargo.beside.get(one)
  if (!kept) {
    const scopes = cargo.engine.closure(one)?.scopes ?? []
    kept = scopes
      .flatMap(scope => Object.keys(scope).map(name => readVariable(scope, name)?.value))
      .filter(found => types.isWeakMap(found) || types.isWeakSet(found))
    cargo.beside.set(one, kept)
  }
  return kept.some(weak => weak.has(value))
}

function isOrdinary(proto: unknown): boolean {
  return Object.values(BASES).some(known => known === proto) || proto instanceof Error || isView(proto)
}

function isView(proto: unknown): boolean {
  return proto === DataView.prototype || proto === TYPED_ARRAY || Object.getPrototypeOf(proto) === TYPED_ARRAY
}

const TYPED_ARRAY: unknown = Object.getPrototypeOf(Uint8Array.prototype)

/** A class of Node that is made of ordinary properties: it may be extended, and sent. */
function builtinBase(maker: AnyFunction): boolean {
  return maker.name === 'EventEmitter' && builtinNode(maker) !== undefined
}
