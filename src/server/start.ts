import type { InspectOptionsStylized } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { deferred } from '../async/deferred.ts'
import { ownModule } from '../async/home.ts'
import { after, cancel } from '../async/interval.ts'
import { Question } from '../async/question.ts'
import { assertStarts } from '../async/runtime.ts'
import { SHOWN, shown } from '../async/shown.ts'
import { ConnectionError } from '../errors.ts'
import { sweepAtEnd } from '../lifeline/guard.ts'
import { removeNote } from '../lifeline/hung-note.ts'
import { removeStale } from '../lifeline/socket-file.ts'
import { readLines, spawnTied } from '../lifeline/spawn.ts'
import { startThread } from '../lifeline/thread.ts'
import { startWatchdog } from '../lifeline/watchdog.ts'
import { parseAddress, randomIpcAddress } from '../protocol/address.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { errorFromWire, Packed } from '../protocol/values.ts'
import { newKey } from '../transport/key.ts'
import { describeHung, Watch } from './hung.ts'
import { listen, type Start } from './listen.ts'
import type { Order, Started, Told, Watched } from './main.ts'
import { metricsWithin } from './metrics-within.ts'
import { noteFile } from './note.ts'
import { type ServerOptions, type ServerSettings, serverSettings } from './options.ts'
import { toLogger } from './to-logger.ts'

/** A running state server. Like any server of Node's it keeps its program alive until it is stopped, or unref'd. */
export interface Server {
  /** The address that clients use, its port picked. */
  readonly address: string
  /** The id of the process that it runs in. Of a Context's server NaN until it listens: see `ctx.ready`. */
  readonly pid: number
  /** Ends the server and its connections. Resolves when it is gone. */
  stop(): Promise<void>
  /**
   * Resolves when it has ended, whether it was asked to or not: the exit code of its process or thread, or the signal that
   * ended its process. `{ code: 0, signal: null }` for one that was stopped.
   */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /**
   * What the server says of itself, and the programs around it of their processes, as Prometheus reads it: its text format. Rejects with
   * `ZPROC_TIMEOUT` when there is no answer within 5 seconds, with `ZPROC_CONNECTION` when the server has ended.
   */
  metrics(): Promise<string>
  /** The running server keeps its program alive: the default. */
  ref(): void
  /** The running server does not keep its program alive. */
  unref(): void
  /** `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
  /** @internal */
  [SHOWN](depth: number, options: InspectOptionsStylized): string
}

const entry = ownModule('server/main')

/** @internal What a Context says besides. */
export interface InnerServer {
  /** false: a server process survives its owner, until the last of its clients is gone. */
  tied?: boolean
  /**
   * true: the address was picked for this server, and no other will be there; false: one that ends is started there again. Default:
   * whether its port is picked.
   */
  picked?: boolean | undefined
  /** Called when it hangs no more. */
  onGoesOn?: () => void
  /** Gets each line that is written for the operator. Default: they go to this process's stderr. */
  say?: ((line: string) => void) | undefined
  /** It ends when it had no clients for so many milliseconds, and belongs to nobody: to no process, and no terminal. */
  linger?: number
}

/**
 * Starts a state server; without an address on a new `ipc://` one.
 *
 *     const server = await startServer('tcp://127.0.0.1:5000')
 *
 * Rejects with `ZPROC_CONNECTION` when the address is taken, with `ZPROC_STORAGE` when its data folder cannot be used, with
 * TypeError or RangeError for wrong arguments.
 */
export async function startServer(address?: string | null, options: ServerOptions = {}): Promise<Server> {
  return serve(address ?? randomIpcAddress(), serverSettings(options, 'startServer'), {
    picked: address ? undefined : true,
  })
}

/** @internal The same, with what a Context says besides. */
export async function serve(address: string, settings: ServerSettings, inner: InnerServer): Promise<Server> {
  assertStarts()
  const { backend = 'process', secretKey, insecure, keep, limits } = settings
  const endpoint = parseAddress(address, 'startServer')
  // Of a relative path it says where that is now: the server, and whoever joins it, may be in other directories.
  const where = endpoint.address
  if (!endpoint.isLocal && secretKey === undefined && !insecure)
    throw new TypeError(
      `startServer: ${where} can be reached from other machines; give a secretKey, or insecure: true to let anybody in`,
    )
  const { picked = endpoint.picks, linger } = inner
  const tied = inner.tied ?? linger === undefined
  // One that outlives this process is not to lose its stderr with it.
  const logger = tied ? settings.logger : undefined
  const given = inner.say ?? (logger && toLogger(logger, () => watch.address || where))
  const say = given ?? ((line: string) => console.error(line))
  const start = () => ({
    address: where,
    limits,
    keep,
    key: secretKey === undefined ? undefined : newKey(secretKey),
    picked,
    linger,
  })
  const watch = new Watch({
    hung: hung => {
      say(describeHung(hung))
      settings.onHung?.(hung)
    },
    goesOn: () => {
      say(`zproc: the server at ${watch.address} goes on`)
      inner.onGoesOn?.()
    },
  })
  const path = endpoint.file
  // What a server that was killed could not remove is removed here, or, when this process is gone, by its guard.
  const forget = tied && path !== undefined ? sweepAtEnd(path) : () => {}
  const swept = async () => {
    if (path !== undefined) await removeStale(path).catch(() => {})
    forget()
  }
  const started = await { process: inProcess, thread: inThread, inline }
    [backend](start, { ...inner, tied, say: given }, watch)
    .catch(async error => {
      await swept()
      throw error
    })
  watch.address = started.address
  return handleOf(started, path === undefined ? sweptNote(started, tied && backend === 'process') : swept)
}

/** Removes what a server at tcp that was killed while it hung has left. `isGuarded`: also when this process is gone. */
function sweptNote({ address, pid }: Running, isGuarded: boolean): () => Promise<void> {
  const note = noteFile(address, pid)
  if (note === undefined) return async () => {}
  const forget = isGuarded ? sweepAtEnd(note) : () => {}
  return async () => {
    removeNote(note)
    forget()
  }
}

/** What whoever started a server gets. `swept` removes what one that has ended could not. */
function handleOf(started: Running, swept: () => Promise<void>): Server {
  const { address, pid, ref, unref } = started
  let isOver = false
  const exited = started.exited.then(async end => {
    isOver = true
    await swept()
    return end
  })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= started.stop().then(() => exited.then(() => {}))
    return stopped
  }
  return {
    address,
    pid,
    exited,
    stop,
    // Among the code of this program one that has ended could answer still.
    metrics: () => metricsWithin(address, async () => (isOver ? undefined : started.describe())),
    ref,
    unref,
    [Symbol.asyncDispose]: stop,
    [SHOWN](depth, options) {
      return shown('Server', { address, pid }, depth, options)
    },
  }
}

type End = Awaited<Server['exited']>
type Running = Pick<Server, 'address' | 'pid' | 'exited' | 'stop' | 'ref' | 'unref'> & {
  /** undefined: it has ended. */
  describe(): Promise<ServerDescription | undefined>
}

// Milliseconds that a server gets to end when it is told to; and one that hangs.
const STOPPING = 2000
const STOPPING_HUNG = 200

async function inline(start: () => Start, { say }: InnerServer): Promise<Running> {
  const { address, keep, stop, describe } = await listen(start(), undefined, say)
  const exited = deferred<End>()
  return {
    address,
    pid: process.pid,
    exited: exited.promise,
    describe: async () => describe(),
    ref: () => keep(true),
    unref: () => keep(false),
    stop: async () => {
      await stop()
      exited.resolve({ code: 0, signal: null })
    },
  }
}

async function inProcess(
  start: () => Start,
  { tied = true, say, linger }: InnerServer,
  watch: Watch,
): Promise<Running> {
  const answered = deferred<Started>()
  const question = new Question<ServerDescription>(() => child.line.send('describe'))
  const child = spawnTied<Order, Started | Told>(entry, {
    rank: 'last',
    tied,
    args: tied ? [] : [linger === undefined ? 'untied' : 'lingers'],
    isDetached: linger !== undefined,
    // Whoever waits for the end of what the first of its clients writes does not wait for the server.
    ...((linger !== undefined || say) && { stdio: say ? 'pipe-stderr' : 'ignore' }),
    onReport: line => watch.saw(JSON.parse(line)),
    heard: message => {
      if ('described' in message) question.answered(message.described)
      else answered.resolve(message)
    },
  })
  if (say && child.stderr) readLines(child.stderr, say)
  let failure: unknown
  const exited = child.ended.then(({ code, signal, error }) => {
    failure = error
    return { code, signal }
  })
  // A key is derived while the child is coming up.
  child.line.send(start())
  const silent = Promise.all([exited, child.line.closed]).then(() => undefined)
  const answer = await Promise.race([answered.promise, silent])
  const { address, pid } = checkStarted(answer, 'process', failure)
  void exited.then(watch.listen())
  void exited.then(() => question.over())
  return {
    address,
    pid,
    exited,
    describe: () => question.ask(),
    ref: () => child.keepAlive(true),
    unref: () => child.keepAlive(false),
    stop: async () => {
      child.keepAlive(true)
      child.line.send('stop')
      const timer = after(patience(watch), () => child.kill('SIGKILL'))
      await exited
      cancel(timer)
    },
  }
}

async function inThread(start: () => Start, { say }: InnerServer, watch: Watch): Promise<Running> {
  const worker = serverThread(say !== undefined)
  if (say && worker.stderr) readLines(worker.stderr, say)
  let failure: unknown
  // It may end of what its owner has no part in: a lack of memory, say.
  worker.on('error', error => {
    failure = error
  })
  const exited = new Promise<End>(resolve => {
    worker.once('exit', code => resolve({ code, signal: null }))
  })
  worker.postMessage(start())
  const message = new Promise<Started>(resolve => worker.once('message', resolve))
  const answer = await Promise.race([message, exited.then(() => undefined)])
  const { address, pid } = checkStarted(answer, 'thread', failure)
  let watchdog: Worker | undefined
  const question = new Question<ServerDescription>(() => worker.postMessage('describe'))
  worker.on('message', (message: Watched | Told) => {
    if ('described' in message) return question.answered(message.described)
    const { watch: memory, patience: longest } = message
    watchdog = startWatchdog(memory, longest, watch.saw, noteFile(address, pid))
  })
  worker.once('exit', () => {
    watchdog?.terminate()
    question.over()
    if (failure === undefined) return
    const line = `zproc: the server thread at ${address} ended: ${said(failure)}`
    if (say) say(line)
    else console.error(line)
  })
  return {
    address,
    pid,
    exited,
    describe: () => question.ask(),
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    stop: async () => {
      worker.ref()
      worker.postMessage('stop')
      const timer = after(patience(watch), () => void worker.terminate())
      await exited
      cancel(timer)
    },
  }
}

function serverThread(isRead: boolean): Worker {
  try {
    return startThread(entry, { name: 'zproc server', stderr: isRead })
  } catch (cause) {
    throw new ConnectionError(`startServer: the server thread cannot be started: ${said(cause)}`, { cause })
  }
}

const patience = (watch: Watch): number => (watch.isHung ? STOPPING_HUNG : STOPPING)

function checkStarted(
  answer: Started | undefined,
  home: 'process' | 'thread',
  cause?: unknown,
): { address: string; pid: number } {
  if (!answer) {
    const why = cause === undefined ? 'see its stderr' : said(cause)
    throw new ConnectionError(`startServer: the server ${home} ended before it listened: ${why}`, { cause })
  }
  if (!('error' in answer)) return answer
  throw errorFromWire(
    answer.error instanceof Uint8Array ? new Packed(answer.error) : (answer.error as string),
  )
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))
