import { checkHome } from '../engines/engines.ts'
import { checkProcessOptions, type ProcessOptions } from '../process/options.ts'
import { describe } from '../protocol/values.ts'
import { checkServerOptions, type ServerOptions } from '../server/options.ts'
import type { ContextOptions } from './types.ts'

const CALL = 'new Context'

/** A Context's own options, checked, apart from those of its processes. */
export interface Settings {
  wait: boolean
  cleanup: boolean
  namespace: string
  secretKey: string | undefined
  connectTimeout: number | undefined
  server: ServerOptions
  spares: number
  /** For its processes. */
  defaults: ProcessOptions
}

export function settingsOf(options: ContextOptions): Settings {
  checkProcessOptions(options, CALL)
  const { wait = false, cleanup = true, serverBackend, server = {}, spares = 1, ...defaults } = options
  for (const [name, value] of Object.entries({ wait, cleanup }))
    if (typeof value !== 'boolean')
      throw new TypeError(`${CALL}: ${name} must be true or false, got ${describe(value)}`)
  if (!Number.isSafeInteger(spares) || spares < 0)
    throw new RangeError(`${CALL}: spares must be a whole number, 0 or more, got ${describe(spares)}`)
  if (typeof server !== 'object' || server === null)
    throw new TypeError(`${CALL}: server must be an object of options, got ${describe(server)}`)
  const { namespace = 'default', secretKey, connectTimeout } = options
  const forServer: ServerOptions = { ...server }
  if (serverBackend !== undefined && !['process', 'thread', 'inline'].includes(serverBackend))
    throw new TypeError(
      `${CALL}: serverBackend must be 'process', 'thread' or 'inline', got ${describe(serverBackend)}`,
    )
  if (serverBackend !== undefined) forServer.backend = serverBackend
  if (secretKey !== undefined) forServer.secretKey = secretKey
  checkServerOptions(forServer, CALL)
  return {
    wait,
    cleanup,
    namespace,
    secretKey,
    connectTimeout,
    server: forServer,
    spares,
    defaults: { ...defaults, namespace },
  }
}

/** `(address?, options?)` or `(options?)`. */
export function contextArguments(args: unknown[]): [address: string | undefined, options: ContextOptions] {
  const [first, second = {}] = args
  if (first === undefined || first === null || typeof first === 'string') {
    const options = second as ContextOptions
    return [typeof first === 'string' ? checkHome(first, options?.secretKey, CALL) : undefined, options]
  }
  if (typeof first !== 'object' || args.length > 1)
    throw new TypeError(`${CALL}: the server's address must be a string, got ${describe(first)}`)
  return [undefined, first as ContextOptions]
}

/** The keys and the options after them, if there are any. */
export function splitKeys<O>(args: unknown[]): [keys: string[], options: O] {
  const last = args.at(-1)
  const hasOptions = typeof last === 'object' && last !== null
  return [(hasOptions ? args.slice(0, -1) : args) as string[], (hasOptions ? last : {}) as O]
}
