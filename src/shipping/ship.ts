import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ShippingError } from '../errors.ts'
import { Packed, toWire } from '../protocol/values.ts'
import { capture } from './capture.ts'
import { inspecting } from './inspect.ts'
import { entries } from './modules.ts'
import type { AnyFunction, Shipment } from './shipment.ts'

/** A function as bytes: `revive` makes it a function again, in any process. */
export interface Shipped {
  /** Of the content: equal for equal functions with equal variables. */
  hash: string
  bytes: Uint8Array
  name: string
}

export interface ShipOptions {
  /** The call to name in messages: `ctx.process(report)`. */
  call: string
  /** Never as a reference to a file of this machine: towards a server, or another machine. */
  byValue?: boolean
  /** An atomic function: nothing in it may be atomic itself. */
  atomic?: boolean
}

/** Makes a function ready to be sent, with what it closes over; throws `ShippingError` when that cannot be. */
export function ship(fn: AnyFunction | URL, options: ShipOptions): Shipped {
  if (fn instanceof URL) return shipUrl(fn, options.call)
  const { call, byValue = false, atomic = false } = options
  if (byValue) {
    const found = unchanging.get(fn)
    if (found) return found
  }
  const shipment = inspecting(engine => capture(fn, fn.name, engine, { call, byValue, atomic }))
  const shipped = packed(shipment, fn.name, call)
  if (byValue && isUnchanging(shipment)) unchanging.set(fn, shipped)
  return shipped
}

// A function that uses no variable from around it is the same for ever: it is looked at once.
const unchanging = new WeakMap<AnyFunction, Shipped>()

function isUnchanging({ nodes }: Shipment): boolean {
  const [only] = nodes
  return nodes.length === 1 && only?.kind === 'function' && (only.variables?.length ?? 0) === 0
}

function shipUrl(url: URL, call: string): Shipped {
  if (url.protocol === 'file:' && !existsSync(fileURLToPath(url))) {
    throw new ShippingError(
      `${call}: there is no file ${fileURLToPath(url)}. Give the URL of a module: new URL('./target.js', import.meta.url).`,
    )
  }
  const shipment: Shipment = {
    nodes: [{ kind: 'import', from: url.href, specifier: url.href, path: ['default'] }],
    entries: [...entries()],
  }
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1)
  return packed(shipment, name, call)
}

function packed(shipment: Shipment, name: string, call: string): Shipped {
  const wire = toWire(shipment, call)
  if (!(wire instanceof Packed)) throw new ShippingError(`${call}: nothing to send`)
  const { bytes } = wire
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 27)
  return { hash, bytes, name }
}
