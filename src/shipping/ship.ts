import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ShippingError } from '../errors.ts'
import { Packed, toWire } from '../protocol/values.ts'
import { capture } from './capture/capture.ts'
import type { Seen } from './capture/unchanged.ts'
import type { AnyFunction, Shipment } from './shipment.ts'
import { inspecting } from './source/inspect.ts'
import { entries, fileHash } from './source/main-module.ts'

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
  /** Never as a reference to a file of this machine: towards a server, or another machine. A URL: only to the same file. */
  byValue?: boolean
  /** An atomic function: nothing in it may be atomic itself. */
  atomic?: boolean
}

/** Makes a function ready to be sent, with what it closes over; throws `ShippingError` when that cannot be. */
export function ship(fn: AnyFunction | URL, options: ShipOptions): Shipped {
  if (fn instanceof URL) return shipUrl(fn, options)
  const { call, byValue = false, atomic = false } = options
  const kind = atomic ? 'atomic' : byValue ? 'byValue' : 'child'
  const before = unchanged(fn, kind)
  if (before) return before
  const { shipment, seen, hasGuessed } = inspecting(engine => {
    if (met[kind].has(fn)) {
      try {
        return capture(fn, fn.name, engine, { call, byValue, atomic }, true)
      } catch {
        // What the parser does not know may stand anywhere in the script; whatever else it is comes up again.
      }
    }
    return capture(fn, fn.name, engine, { call, byValue, atomic })
  })
  const shipped = packed(shipment, fn.name, call)
  if (seen.isComparable && !hasGuessed) sent[kind].set(fn, { shipped, seen })
  else sent[kind].delete(fn)
  if (hasGuessed) met[kind].add(fn)
  return shipped
}

/** What was made of a function the last time, if the same would be made of it now. */
export function unchanged(fn: AnyFunction, kind: keyof typeof sent): Shipped | undefined {
  const before = sent[kind].get(fn)
  return before?.seen.isUnchanged() ? before.shipped : undefined
}

interface Sent {
  shipped: Shipped
  seen: Seen
}

/** What was made of functions that are still in use: the next time, only what may have changed is looked at. */
const sent = {
  child: new WeakMap<object, Sent>(),
  byValue: new WeakMap<object, Sent>(),
  atomic: new WeakMap<object, Sent>(),
}

/** Functions that were sent once: whoever sends them again may do so often, and it is worth to know what can change. */
const met = { child: new WeakSet<object>(), byValue: new WeakSet<object>(), atomic: new WeakSet<object>() }

function shipUrl(url: URL, { call, byValue }: ShipOptions): Shipped {
  if (url.protocol === 'file:' && !existsSync(fileURLToPath(url))) {
    throw new ShippingError(
      `${call}: there is no file ${fileURLToPath(url)}. Give the URL of a module: new URL('./target.js', import.meta.url).`,
    )
  }
  // Another machine is to have the same file.
  const hash = byValue ? fileHash(url.href) : undefined
  const shipment: Shipment = {
    nodes: [
      {
        kind: 'import',
        from: url.href,
        specifier: url.href,
        path: ['default'],
        ...(hash !== undefined && { hash }),
      },
    ],
    entries: [...entries()],
  }
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1)
  return packed(shipment, name, call)
}

function packed(shipment: Shipment, name: string, call: string): Shipped {
  const wire = toWire(shipment, call)
  if (!(wire instanceof Packed)) throw new ShippingError(`${call}: nothing to send`)
  const { bytes } = wire
  return { hash: hashOf(bytes), bytes, name }
}

/** By which a function is known wherever it is sent. */
export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('base64url').slice(0, 27)
