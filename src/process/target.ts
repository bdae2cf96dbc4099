import { revive } from '../shipping/revive.ts'
import type { AnyFunction } from '../shipping/shipment.ts'
import type { Wrappers } from '../shipping/wrappers.ts'

// The module that makes atomic functions is large: it is loaded for the targets that hold one.
const wrappers: Wrappers = { atomic: async () => (await import('../client/atomic.ts')).atomic }

/** A target, or any function that a process was sent. What it needs is read from its own table of parts. */
export const reviveTarget = (bytes: Uint8Array): Promise<AnyFunction> => revive(bytes, wrappers)
