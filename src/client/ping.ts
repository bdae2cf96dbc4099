import { after, cancel } from '../async/interval.ts'
import { checkHome } from '../engines/engines.ts'
import { TimeoutError } from '../errors.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import type { ClientMessage } from '../protocol/messages.ts'
import { readOptions } from '../protocol/options.ts'
import { type Finish, result, type Store } from '../store/store.ts'
import type { Link } from './link.ts'
import { type ConnectedPingOptions, connectedFields, type PingOptions, pingFields } from './options.ts'
import { useStore } from './use-store.ts'

/**
 * Asks the server at `address` for its pid; resolves with null when it sent back another payload.
 *
 *     const pid = await ping('tcp://127.0.0.1:5000', { timeout: 1000 })
 *
 * Rejects with `ZPROC_TIMEOUT` after `timeout` milliseconds (default: none), `ZPROC_CONNECTION` when nothing answers,
 * `ZPROC_AUTHENTICATION` when the keys differ.
 */
export async function ping(address: string, given: PingOptions = {}): Promise<number | null> {
  const { secretKey, ...options } = readOptions(pingFields, given, 'ping')
  const connection = useStore(checkHome(address, secretKey, 'ping'), { secretKey })
  try {
    return await ask(connection, options, 'ping')
  } finally {
    connection.release()
  }
}

/** @internal The same on the connection of a State. */
export async function pingThrough(
  link: Link,
  given: ConnectedPingOptions,
  call: string,
): Promise<number | null> {
  const options = readOptions(connectedFields, given, call)
  link.check()
  return ask(link.connection, options, call)
}

async function ask(
  connection: Store,
  { timeout, sentPayload = crypto.getRandomValues(new Uint8Array(56)) }: ConnectedPingOptions,
  call: string,
): Promise<number | null> {
  const message: ClientMessage = [Ask.ping, 0, sentPayload]
  const [pid, payload] = await answerWithin<[number, Uint8Array]>(connection, message, result, timeout, call)
  return Buffer.compare(payload, sentPayload) === 0 ? pid : null
}

/**
 * @internal The answer to a message; rejects with TimeoutError when there is none within `timeout` milliseconds, and with
 * `hopeless` when that rejects before.
 */
export async function answerWithin<T>(
  connection: Store,
  message: ClientMessage,
  finish: Finish,
  timeout: number | undefined,
  call: string,
  hopeless?: Promise<never>,
): Promise<T> {
  const tooLate = () => new TimeoutError(`${call}: no answer from ${connection.address} within ${timeout} ms`)
  // A server may answer before a timer of 0 ms fires.
  if (timeout === 0) throw tooLate()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = after(timeout, () => reject(tooLate()))
  })
  try {
    const reply = connection.request<T>(call, message, finish)
    return await Promise.race(hopeless ? [reply, late, hopeless] : [reply, late])
  } finally {
    // An answer that comes later is nobody's.
    connection.forget(message[1] as number)
    cancel(timer)
  }
}
