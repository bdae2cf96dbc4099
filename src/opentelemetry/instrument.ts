import {
  context,
  isSpanContextValid,
  metrics,
  ProxyTracerProvider,
  trace as tracing,
} from '@opentelemetry/api'
import { useTracer } from '../tracing/carried.ts'
import { atomics, commands, commits, connects, items, processes, targets } from '../tracing/channels.ts'
import type { TraceContext } from '../tracing/messages.ts'
import { Durations } from './durations.ts'
import { atomic, command, commit, connect, item, process, target } from './plans.ts'
import { Spans } from './spans.ts'

let undo: (() => void) | undefined

/**
 * Makes spans of what zproc does in this process, by OpenTelemetry's semantic conventions, carries their context into processes,
 * atomic functions and items, and measures `db.client.operation.duration`. Spans go to the SDK that is registered with
 * `@opentelemetry/api`, before or after this call. Returns the function that undoes it. A second call changes nothing.
 *
 *     import { instrument } from 'zproc/opentelemetry'
 *     const stop = instrument()
 */
export function instrument(): () => void {
  undo ??= begin()
  return undo
}

function begin(): () => void {
  const spans = new Spans(tracing.getTracer('zproc'))
  const ends = [
    useTracer({ inject, enter: (message, fn) => spans.enter(message, fn), flush }),
    spans.follow(commands, command),
    spans.follow(commits, commit),
    spans.follow(atomics, atomic),
    spans.follow(processes, process),
    spans.follow(targets, target),
    spans.follow(items, item),
    spans.follow(connects, connect),
    new Durations(metrics.getMeter('zproc')).follow(),
  ]
  return () => {
    for (const end of ends.splice(0)) end()
    undo = undefined
  }
}

/** The span that is active, as W3C Trace Context writes it. */
function inject(): TraceContext | undefined {
  const span = tracing.getSpanContext(context.active())
  if (!span || !isSpanContextValid(span)) return undefined
  const flags = span.traceFlags.toString(16).padStart(2, '0')
  const traceparent = `00-${span.traceId}-${span.spanId}-${flags}`
  const tracestate = span.traceState?.serialize()
  return tracestate ? { traceparent, tracestate } : { traceparent }
}

/** Has the SDK export what it keeps: a child of zproc's ends when its target has returned. */
async function flush(): Promise<void> {
  const provider = tracing.getTracerProvider()
  const own = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider
  await Promise.all([own, metrics.getMeterProvider()].map(forceFlush))
}

/** What every SDK has, and the API does not name. */
async function forceFlush(provider: object): Promise<void> {
  if ('forceFlush' in provider && typeof provider.forceFlush === 'function') await provider.forceFlush()
}
