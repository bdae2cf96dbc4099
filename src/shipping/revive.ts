import { ShippingError } from '../errors.ts'
import { Packed } from '../protocol/values.ts'
import { importNode } from './modules/load.ts'
import { Revival, type ReviveOptions } from './reviving/revival.ts'
import type { AnyFunction, Shipment } from './shipment.ts'
import { addEntry } from './source/main-module.ts'
import type { Wrap, Wrappers } from './wrappers.ts'

/** A function from what `ship` made of it. Modules that it had imported, and wrappers that it has, are loaded first. */
export async function revive(bytes: Uint8Array, wrappers: Wrappers): Promise<AnyFunction> {
  return reviveWith(bytes, { wrappers })
}

/** At once when nothing has to be imported. */
export function reviveWith(
  bytes: Uint8Array,
  options: ReviveOptions & { wrappers?: Wrappers },
): AnyFunction | Promise<AnyFunction> {
  const shipment = read(bytes)
  for (const entry of shipment.entries) addEntry(entry)
  const waiting: Promise<void>[] = []
  const imported = new Map<number, unknown>()
  const wraps = new Map<string, Wrap>()
  for (const [number, node] of shipment.nodes.entries()) {
    options.seen?.(node)
    if (node.kind === 'import') waiting.push(importNode(node).then(value => void imported.set(number, value)))
    const load = node.kind === 'wrapper' ? options.wrappers?.[node.name] : undefined
    if (load && node.kind === 'wrapper') waiting.push(load().then(wrap => void wraps.set(node.name, wrap)))
  }
  const build = () => new Revival(shipment.nodes, imported, wraps, options).run()
  return waiting.length ? Promise.all(waiting).then(build) : build()
}

function read(bytes: Uint8Array): Shipment {
  const value = new Packed(bytes).read()
  if (typeof value !== 'object' || value === null || !('nodes' in value) || !Array.isArray(value.nodes)) {
    throw new ShippingError('these bytes are not a function that was sent by this version of zproc')
  }
  // Written by `capture` on the other side, which holds the key to this one.
  return value as Shipment
}
