import { traceFromWire } from './carried.ts'
import { atomics, isTraced, trace } from './channels.ts'
import type { AtomicTrace } from './messages.ts'

/** Calls `run`, which runs an atomic function, for the channel's subscribers; `carried`: the trace that a message brought. */
export function asAtomic<T>(fn: { name: string }, namespace: string, carried: unknown, run: () => T): T {
  if (!isTraced(atomics)) return run()
  const message: AtomicTrace = {
    function: fn.name || '(anonymous)',
    namespace,
    trace: traceFromWire(carried),
  }
  return trace(atomics, message, run)
}
