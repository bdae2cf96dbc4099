import type { Store } from '../store/store.ts'

/** A home of logs other than zproc's own server: how its addresses are checked, and its program. */
export interface Engine {
  check(address: string, secretKey: string | undefined, call: string): void
  load(): Promise<{ open(address: string, shared: Shared): Store }>
}

/** What a State has of its store before the engine is loaded. */
export type Shared = Pick<Store, 'states' | 'feeds' | 'holds' | 'functions' | 'events'>
