import type { Store } from '../store/store.ts'
import { Connection } from './connection.ts'

/** The store at an address; those who ask for the same one share it. `ready`: it is being started. */
export function useStore(address: string, secretKey: string | undefined, ready?: Promise<unknown>): Store {
  return Connection.use(address, secretKey, ready)
}
