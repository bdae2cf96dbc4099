import type { Logger } from '../async/logger.ts'
import { type ChangeOptions, changeFields, type WatchOptions, watchFields } from '../client/options.ts'
import { checkHome } from '../engines/engines.ts'
import { checkTogether, type ProcessOptions, processFields } from '../process/options.ts'
import { count, flag, logger, objectOf, oneOf, time } from '../protocol/kinds.ts'
import { type OptionsOf, readOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'
import { type ServerOptions, type ServerSettings, serverSettings } from '../server/options.ts'
import { type JoinPlace, joinFields } from './join.ts'

const ownFields = {
  /** true: the program waits for its running processes; false: they end with it. Default false. */
  wait: flag,
  /** true: however this program ends, the whole tree of processes ends with it; false: they survive it. Default true. */
  cleanup: flag,
  /** Where its own server runs. Default 'process'. */
  serverBackend: oneOf('process', 'thread', 'inline'),
  /**
   * Milliseconds that connecting may take, and connecting again to a server that was lost; for its processes as well.
   * Default 10,000.
   */
  connectTimeout: time(),
  /** The options of the server that this Context starts; not for one that it joins. Default: those of `startServer`. */
  server: objectOf<ServerOptions>(),
  /** Children that stand ready for the next start, once one was started. Default 1; 0: none. */
  spares: count(0),
  /**
   * Gets what is said of its server, processes and maps besides the errors of calls, in place of stderr: `(object, message)`, as pino
   * takes it. What processes print themselves is not among it. Default: none.
   */
  logger,
}

/** How a Context, its server and, unless they say otherwise, its processes are run. */
export interface ContextOptions extends ProcessOptions, OptionsOf<typeof ownFields> {
  /**
   * Milliseconds that connecting may take, and connecting again to a server that was lost; for its processes as well.
   * Default 10,000.
   */
  connectTimeout?: number
}

const contextFields = { ...processFields, ...ownFields }

export const joinOptionFields = { ...contextFields, ...joinFields }

/** Of `Context.join`: those of a Context, of which `server` counts for the process that starts it. */
export interface JoinOptions extends ContextOptions, JoinPlace {}

const countFields = {
  /** How many processes of each target. Default 1. */
  count: count(0),
}

export const factoryFields = { ...processFields, ...countFields }
/** How several processes are run; see ProcessOptions for the type parameters. */
export interface FactoryOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object | undefined = object | undefined,
  F extends boolean = boolean,
  C extends boolean = boolean,
  N extends string | undefined = string | undefined,
> extends ProcessOptions<A, K, F, C, N>,
    OptionsOf<typeof countFields> {}

/** How an update is waited for, and how the process of its handler is run. */
export interface WatchProcessOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object | undefined = object | undefined,
  F extends boolean = boolean,
  C extends boolean = boolean,
> extends WatchOptions,
    ProcessOptions<A, K, F, C> {}

/** How a change is waited for, and how the process of its handler is run. */
export interface ChangeProcessOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object | undefined = object | undefined,
  F extends boolean = boolean,
  C extends boolean = boolean,
> extends ChangeOptions,
    ProcessOptions<A, K, F, C> {}

export const watchProcessFields = { ...watchFields, ...processFields }
export const changeProcessFields = { ...changeFields, ...processFields }

export const waitAllFields = {
  /** Milliseconds until a TimeoutError, for all processes together. Default: none. */
  timeout: time(),
  /** true: an error takes the place of its result. Default false: the first error rejects. */
  safe: flag,
}

/** How the ends of all processes are waited for. */
export interface WaitAllOptions extends OptionsOf<typeof waitAllFields> {}

/** A Context's own options, checked, apart from those of its processes. */
export interface Settings {
  /** Of the server that it joins; undefined: it starts one. */
  address: string | undefined
  wait: boolean
  cleanup: boolean
  namespace: string
  secretKey: string | undefined
  connectTimeout: number | undefined
  server: ServerSettings
  spares: number
  logger: Logger | undefined
  /** For its processes. */
  defaults: ProcessOptions
}

const CALL = 'new Context'

/** Of `(address?, options?)` or `(options?)`. */
export function settingsOf(
  args: [address?: string | null | ContextOptions, options?: ContextOptions],
): Settings {
  const [address, given] = contextArguments(args)
  const options = readOptions(contextFields, given, CALL)
  checkTogether(options, CALL)
  const {
    wait = false,
    cleanup = true,
    serverBackend,
    server = {},
    spares = 1,
    logger,
    ...defaults
  } = options
  const { namespace = 'default', secretKey, connectTimeout } = options
  const settings = serverSettings(server, CALL, ' of server')
  return {
    address: address === undefined ? undefined : checkHome(address, secretKey, CALL),
    wait,
    cleanup,
    namespace,
    secretKey,
    connectTimeout,
    server: {
      ...settings,
      logger: settings.logger ?? logger,
      backend: serverBackend ?? settings.backend,
      secretKey: secretKey ?? settings.secretKey,
    },
    spares,
    logger,
    defaults: { ...defaults, namespace },
  }
}

function contextArguments(
  args: [address?: string | null | ContextOptions, options?: ContextOptions],
): [address: string | undefined, options: ContextOptions] {
  const [first, second = {}] = args
  if (first === undefined || first === null || typeof first === 'string') return [first ?? undefined, second]
  if (typeof first !== 'object' || args.length > 1)
    throw new TypeError(`${CALL}: the server's address must be a string, got ${describe(first)}`)
  return [undefined, first]
}
