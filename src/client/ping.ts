import { checkSecretKey, parseAddress } from '../protocol/address.ts'
import { Connection } from './connection.ts'
import { pingThrough } from './state.ts'

export interface PingOptions {
  /** Milliseconds until a TimeoutError. Default: none. */
  timeout?: number
  /** What the server is to send back. Default: 56 random bytes. */
  sentPayload?: Uint8Array
  secretKey?: string
}

/** Asks the server at `address` for a sign of life: its pid, or null if it sent back something else. */
export async function ping(address: string, options: PingOptions = {}): Promise<number | null> {
  parseAddress(address, 'ping')
  checkSecretKey(options.secretKey, 'ping')
  const connection = Connection.use(address, options.secretKey)
  try {
    return await pingThrough(connection, options, 'ping')
  } finally {
    connection.release()
  }
}
