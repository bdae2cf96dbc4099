import { after, cancel, checkTime } from '../async/interval.ts'
import { checkHome } from '../engines/engines.ts'
import { TimeoutError } from '../errors.ts'
import { Ask, type ClientMessage } from '../protocol/messages.ts'
import { checkOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'
import { result, type Store } from '../store/store.ts'
import { useStore } from './use-store.ts'

export interface PingOptions {
  /** Milliseconds until a TimeoutError. Default: none. */
  timeout?: number
  /** What the server is to send back. Default: 56 random bytes. */
  sentPayload?: Uint8Array
  secretKey?: string
}

/** Asks the server at `address` for a sign of life: its pid, or null if it sent back something else. */
export async function ping(address: string, options: PingOptions = {}): Promise<number | null> {
  checkOptions(options, 'ping')
  const connection = useStore(checkHome(address, options.secretKey, 'ping'), options)
  try {
    return await pingThrough(connection, options, 'ping')
  } finally {
    connection.release()
  }
}

/** @internal The same on a connection that is there. */
export async function pingThrough(
  connection: Store,
  options: Omit<PingOptions, 'secretKey'>,
  call: string,
): Promise<number | null> {
  checkOptions(options, call)
  const { timeout, sentPayload = crypto.getRandomValues(new Uint8Array(56)) } = options
  checkTime(timeout, call, 'timeout')
  if (!(sentPayload instanceof Uint8Array))
    throw new TypeError(`${call}: sentPayload must be a Uint8Array, got ${describe(sentPayload)}`)
  const tooLate = () => new TimeoutError(`${call}: no answer from ${connection.address} within ${timeout} ms`)
  // A server may answer before a timer of 0 ms fires.
  if (timeout === 0) throw tooLate()
  let timer: NodeJS.Timeout | undefined
  const message: ClientMessage = [Ask.ping, 0, sentPayload]
  const late = new Promise<never>((_, reject) => {
    timer = after(timeout, () => {
      connection.forget(message[1])
      reject(tooLate())
    })
  })
  try {
    const reply = connection.request<[number, Uint8Array]>(call, message, result)
    const [pid, payload] = await Promise.race([reply, late])
    return Buffer.compare(payload, sentPayload) === 0 ? pid : null
  } finally {
    cancel(timer)
  }
}
