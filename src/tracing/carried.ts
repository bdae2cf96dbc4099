import { sleep } from '../async/interval.ts'
import type { TraceContext } from './messages.ts'

/** A tracing system, as far as zproc takes part in it. Without one nothing is carried. */
export interface Tracer {
  /** What is to travel with work that is begun here, and done elsewhere; undefined: nothing. */
  inject(): TraceContext | undefined
  /** Calls `fn`, which the message of a channel is about, in the context of that. */
  enter(message: object, fn: () => unknown): unknown
  /** Resolves when what was recorded has left this process, which is about to end. */
  flush(): Promise<unknown>
}

let tracer: Tracer | undefined

/** Makes this the process's tracing system. Returns the function that undoes it. */
export function useTracer(used: Tracer): () => void {
  tracer = used
  return () => {
    if (tracer === used) tracer = undefined
  }
}

export const inject = (): TraceContext | undefined => tracer?.inject()

export const entered = (message: object, fn: () => unknown): unknown =>
  tracer ? tracer.enter(message, fn) : fn()

/** Whether there is a tracing system. */
export const hasTracer = (): boolean => tracer !== undefined

// Milliseconds that a process which ends gives to what was recorded.
const FLUSH_TIME = 1000

/** Resolves when what was recorded has left this process, or cannot. */
export async function flushTraces(): Promise<void> {
  if (!tracer) return
  // What cannot be exported is lost; the tracing system reports that itself.
  await Promise.race([tracer.flush().catch(() => {}), sleep(FLUSH_TIME, { ref: false })])
}

/** A TraceContext as it is in a message of a protocol: traceparent and, if there is one, tracestate. */
export const traceToWire = ({ traceparent, tracestate }: TraceContext): string[] =>
  tracestate === undefined ? [traceparent] : [traceparent, tracestate]

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/
// W3C asks that so many characters be passed on.
const TRACESTATE = 512

/** What a message brings, of a sender that may not be trusted: what is no TraceContext is none. */
export function traceFromWire(wire: unknown): TraceContext | undefined {
  if (!Array.isArray(wire)) return undefined
  const [traceparent, tracestate]: unknown[] = wire
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined
  return typeof tracestate === 'string' && tracestate.length <= TRACESTATE
    ? { traceparent, tracestate }
    : { traceparent }
}
