import type { Own, Property, Slot } from '../shipment.ts'
import { type Cargo, part } from './cargo.ts'
import { ownProperty } from './own-property.ts'
import type { Trail } from './trail.ts'

/** The own properties of anything, accessors as accessors. */
export function addProperties(
  cargo: Cargo,
  node: Own,
  value: object,
  trail: Trail,
  skip: (key: string | symbol) => boolean,
): void {
  for (const key of Reflect.ownKeys(value)) {
    if (skip(key)) continue
    const described = ownProperty(value, key)
    if (described) node.properties.push(propertyOf(cargo, key, described, trail, value))
  }
  if (!Object.isExtensible(value)) node.closed = Object.isFrozen(value) ? 3 : Object.isSealed(value) ? 2 : 1
}

function propertyOf(
  cargo: Cargo,
  key: string | symbol,
  described: PropertyDescriptor,
  trail: Trail,
  holder: object,
): Property {
  const bits =
    (described.enumerable ? 1 : 0) | (described.configurable ? 2 : 0) | (described.writable ? 4 : 0)
  // Most properties are primitives with a name: nothing to look up, nothing to say of the way to them.
  if (bits === 7 && typeof key === 'string' && isInline(described.value)) return [key, described.value]
  const at = part(trail, nameOf(key))
  const keySlot = cargo.slot(key, at, holder)
  if (described.get || described.set)
    return [keySlot, cargo.slot(described.get, at, holder), cargo.slot(described.set, at, holder), bits]
  const slot = cargo.slot(described.value, at, holder)
  return bits === 7 ? [keySlot, slot] : [keySlot, slot, bits]
}

/** Values that stand for themselves in a slot. */
export function isInline(value: unknown): value is Exclude<Slot, [number]> {
  return (
    value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
  )
}

function nameOf(key: string | symbol): string {
  if (typeof key === 'symbol') return `[${String(key)}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `['${key}']`
}
