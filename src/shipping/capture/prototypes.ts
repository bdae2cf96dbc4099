import { types } from 'node:util'
import type { AnyFunction } from '../shipment.ts'
import { type Cargo, type Draft, type FunctionNode, type ObjectNode, part } from './cargo.ts'
import { methodsIn, planClass } from './classes.ts'
import { addProperties } from './properties.ts'
import type { Trail } from './trail.ts'

/** What was put on the `prototype` of a function. */
export function addPrototype(cargo: Cargo, node: FunctionNode, value: AnyFunction, trail: Trail): void {
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, 'prototype')?.value
  if (typeof prototype !== 'object' || prototype === null) return
  cargo.seen.object(prototype)
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

/** The base of a class, its private statics, and what was added to it after it was made. */
export function addClassParts(cargo: Cargo, draft: Draft, value: AnyFunction, trail: Trail): void {
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
    cargo.seen.unclear()
    const hidden = new Map(cargo.engine.privates(value))
    node.statics = plan.staticPrivates.map(name => [
      name,
      cargo.slot(hidden.get(name), part(trail, `.${name}`), value),
    ])
  }
  const prototype: unknown = value.prototype
  if (typeof prototype !== 'object' || prototype === null) return
  cargo.seen.object(prototype)
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

/** The prototype that functions of its kind have. */
export function ordinaryPrototype(value: AnyFunction): object {
  const isAsync = types.isAsyncFunction(value)
  if (types.isGeneratorFunction(value)) return isAsync ? AsyncGeneratorFunction : GeneratorFunction
  return isAsync ? AsyncFunction : Function.prototype
}
