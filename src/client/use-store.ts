import { engineOf } from '../engines/engines.ts'
import { LateStore } from '../engines/late.ts'
import type { Store } from '../store/store.ts'
import { Connection } from './connection.ts'
import type { LineOptions } from './line.ts'

// Milliseconds; long, since a machine that starts many processes at once is slow to greet.
const CONNECT_TIMEOUT = 10_000

/** How to get to a store; `ready`: it is being started. */
export type StoreOptions = {
  [name in keyof LineOptions]?: LineOptions[name] | undefined
}

/** The store at an address; those who ask for the same one share it. */
export function useStore(address: string, options: StoreOptions): Store {
  const engine = engineOf(address)
  if (engine) return LateStore.use(address, engine)
  const { secretKey, ready, connectTimeout = CONNECT_TIMEOUT } = options
  return Connection.use(address, { secretKey, ready, connectTimeout })
}
