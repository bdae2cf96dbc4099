import { AsyncResource } from 'node:async_hooks'

// Made as the program is loaded, and so outside of whatever the program stores with AsyncLocalStorage later.
const loading = new AsyncResource('zproc')

/**
 * Calls `fn` in the async context in which the program was loaded. For sockets that serve many callers: what is stored where one is
 * made would be kept, and be there for everything that arrives, as long as it lives.
 */
export const outside = <T>(fn: () => T): T => loading.runInAsyncScope(fn)
