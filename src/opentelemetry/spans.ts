import type { TracingChannel } from 'node:diagnostics_channel'
import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace as tracing,
} from '@opentelemetry/api'
import type { TraceOutcome } from '../tracing/messages.ts'
import { typeOf } from './attributes.ts'
import type { Plan } from './plans.ts'

interface Open<M> {
  span: Span
  /** The context in which the span is the active one. */
  within: Context
  late: ((message: M) => Attributes) | undefined
}

/** Spans of the messages of channels. */
export class Spans {
  readonly #tracer: Tracer
  // As what a message is about runs: `enter` knows no more of it than the message.
  readonly #within = new WeakMap<object, Context>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** Makes a span of each message for which there is a plan. Returns the function that calls it off. */
  follow<M extends TraceOutcome>(
    { start, end, asyncEnd }: TracingChannel<unknown, M>,
    plan: (message: M) => Plan<M> | undefined,
  ): () => void {
    const open = new WeakMap<M, Open<M>>()
    const begin = (data: unknown) => {
      const message = data as M
      const planned = plan(message)
      if (!planned) return
      const { name, kind, attributes, parent, late } = planned
      const span = this.#tracer.startSpan(name, { kind, attributes }, parent)
      const within = tracing.setSpan(parent, span)
      open.set(message, { span, within, late })
      this.#within.set(message, within)
    }
    const finish = (data: unknown) => {
      const message = data as M
      const found = open.get(message)
      if (!found) return
      open.delete(message)
      if (found.late) found.span.setAttributes(found.late(message))
      if ('error' in message) fail(found.span, message.error)
      found.span.end()
    }
    // A call that has given a promise is over when that is settled.
    const returned = (data: unknown) => {
      if ('result' in (data as M) || 'error' in (data as M)) finish(data)
    }
    start.subscribe(begin)
    end.subscribe(returned)
    asyncEnd.subscribe(finish)
    return () => {
      start.unsubscribe(begin)
      end.unsubscribe(returned)
      asyncEnd.unsubscribe(finish)
    }
  }

  /** Calls `fn`, which the message is about, with its span as the active one. */
  enter(message: object, fn: () => unknown): unknown {
    const within = this.#within.get(message)
    return within ? context.with(within, fn) : fn()
  }
}

function fail(span: Span, error: unknown): void {
  span.setAttribute('error.type', typeOf(error))
  if (error instanceof Error) span.recordException(error)
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: error instanceof Error ? error.message : String(error),
  })
}
