import { engineOf } from '../engines/engines.ts'
import { LateStore } from '../engines/late.ts'
import type { Store } from '../store/store.ts'
import { Connection } from './connection.ts'

/** The store at an address; those who ask for the same one share it. `ready`: it is being started. */
export function useStore(address: string, secretKey: string | undefined, ready?: Promise<unknown>): Store {
  const engine = engineOf(address)
  return engine ? LateStore.use(address, engine) : Connection.use(address, secretKey, ready)
}
