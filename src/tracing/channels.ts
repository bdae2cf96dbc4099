import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { entered } from './carried.ts'
import type { TraceOutcome, TracingChannels } from './messages.ts'

type Channel<M extends TraceOutcome> = TracingChannel<unknown, M>
type Listened = Record<
  'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error',
  { readonly hasSubscribers: boolean }
>

const channel = <N extends keyof TracingChannels>(name: N): Channel<TracingChannels[N]> =>
  tracingChannel<unknown, TracingChannels[N]>(name)

// Kept here as long as the program runs: Node lets go of a channel that nothing refers to.
export const commands = channel('zproc:command')
export const commits = channel('zproc:commit')
export const atomics = channel('zproc:atomic')
export const processes = channel('zproc:process')
export const targets = channel('zproc:target')
export const items = channel('zproc:item')
export const connects = channel('zproc:connect')

/**
 * Whether anything subscribes to a channel. Without that no message is made. `TracingChannel` says so itself only from Node 22 on,
 * and not in Bun.
 */
export const isTraced = ({ start, end, asyncStart, asyncEnd, error }: Listened): boolean =>
  start.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers

/**
 * Calls `fn` and publishes how that goes: `start` and `end` around the call, `asyncStart` and `asyncEnd` when a promise that it
 * gave is settled, `error` when it fails. As `TracingChannel` does it, but without the result, and for functions of which only the
 * call tells whether they give a promise.
 */
export function trace<M extends TraceOutcome, T>(channel: Channel<M>, message: M, fn: () => T): T
export function trace<M extends TraceOutcome>(channel: Channel<M>, message: M, fn: () => unknown): unknown {
  const { start, end } = channel
  return start.runStores(message, () => {
    try {
      const given = entered(message, fn)
      if (isThenable(given)) return settled(channel, message, given)
      message.result = undefined
      return given
    } catch (error) {
      fail(channel, message, error)
      throw error
    } finally {
      end.publish(message)
    }
  })
}

async function settled<M extends TraceOutcome>(
  channel: Channel<M>,
  message: M,
  given: PromiseLike<unknown>,
): Promise<unknown> {
  try {
    const value = await given
    message.result = undefined
    return value
  } catch (error) {
    fail(channel, message, error)
    throw error
  } finally {
    channel.asyncStart.publish(message)
    channel.asyncEnd.publish(message)
  }
}

function fail<M extends TraceOutcome>({ error }: Channel<M>, message: M, reason: unknown): void {
  message.error = reason
  error.publish(message)
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
