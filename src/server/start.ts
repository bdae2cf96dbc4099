import { once } from 'node:events'
import { rmSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { after, cancel } from '../async/interval.ts'
import { ConnectionError } from '../errors.ts'
import { unlinkAtEnd } from '../lifeline/guard.ts'
import { keepAlive, spawnTied } from '../lifeline/spawn.ts'
import { startThread } from '../lifeline/thread.ts'
import { startWatchdog } from '../lifeline/watchdog.ts'
import { isLocal, parseAddress, randomIpcAddress } from '../protocol/address.ts'
import { checkOptions } from '../protocol/options.ts'
import { errorFromWire, Packed } from '../protocol/values.ts'
import { derivedKey } from '../transport/key.ts'
import { describeHung, Watch } from './hung.ts'
import { listen, type Start } from './listen.ts'
import type { Started, Watched } from './main.ts'
import { checkServerOptions, type ServerOptions } from './options.ts'

/** A running state server. Like any server of Node's it keeps its program alive until it is stopped, or unref'd. */
export interface Server {
  readonly address: string
  /** Of the process that it runs in. */
  readonly pid: number
  /** Ends the server and everybody's connection to it. Resolves when it is gone. */
  stop(): Promise<void>
  ref(): void
  unref(): void
  [Symbol.asyncDispose](): Promise<void>
}

const entry = new URL(`../server/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** @internal What a Context says besides. */
export interface InnerServerOptions extends ServerOptions {
  /** false: a server process survives its owner, until the last of its clients is gone. */
  tied?: boolean
  /** true: the address was picked for this server, and will not be used again. */
  picked?: boolean
  /** Called when it hangs no more. */
  onGoesOn?: () => void
}

/**
 * Starts a state server; without an address on a new `ipc://` one.
 *
 *     const server = await startServer('tcp://127.0.0.1:5000')
 *
 * Rejects with ConnectionError when the address is taken, with TypeError or RangeError for wrong arguments.
 */
export async function startServer(address?: string | null, options: ServerOptions = {}): Promise<Server> {
  checkOptions(options, 'startServer')
  const limits = checkServerOptions(options, 'startServer')
  const where = address ?? randomIpcAddress()
  const endpoint = parseAddress(where, 'startServer')
  if (!isLocal(endpoint) && options.secretKey === undefined && !options.insecure)
    throw new TypeError(
      `startServer: ${where} can be reached from other machines; give a secretKey, or insecure: true to let anybody in`,
    )
  const inner: InnerServerOptions = options
  const { backend = 'process', tied = true, picked = !address, secretKey } = inner
  const start = () => ({
    address: where,
    limits,
    key: secretKey === undefined ? undefined : derivedKey(secretKey),
    picked,
  })
  const watch = new Watch({
    hung: hung => {
      console.error(describeHung(hung))
      options.onHung?.(hung)
    },
    goesOn: () => {
      console.error(`zproc: the server at ${watch.address} goes on`)
      inner.onGoesOn?.()
    },
  })
  // The guard removes what a killed server could not.
  const forget =
    tied && endpoint.kind === 'ipc' && process.platform !== 'win32' ? unlinkAtEnd(endpoint.path) : () => {}
  const started = await { process: inProcess, thread: inThread, inline }
    [backend](start, tied, watch)
    .catch(error => {
      forget()
      throw error
    })
  watch.address = started.address
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= started.stop().finally(() => {
      if (endpoint.kind === 'ipc' && process.platform !== 'win32') rmSync(endpoint.path, { force: true })
      forget()
    })
    return stopped
  }
  return {
    address: started.address,
    pid: started.pid,
    stop,
    ref: started.ref,
    unref: started.unref,
    [Symbol.asyncDispose]: stop,
  }
}

type Running = Pick<Server, 'address' | 'pid' | 'stop' | 'ref' | 'unref'>

// Milliseconds that a server gets to end when it is told to; and one that hangs.
const STOPPING = 2000
const STOPPING_HUNG = 200

async function inline(start: () => Start): Promise<Running> {
  const { address: bound, keep, stop } = await listen(start())
  return { address: bound, pid: process.pid, stop, ref: () => keep(true), unref: () => keep(false) }
}

async function inProcess(start: () => Start, tied: boolean, watch: Watch): Promise<Running> {
  const onReport = (line: string) => watch.saw(JSON.parse(line))
  const child = spawnTied(entry, { rank: 'last', tied, args: tied ? [] : ['untied'], onReport })
  const exited = once(child, 'exit')
  // A key is derived while the child is coming up.
  child.send(start())
  const answer = await Promise.race([once(child, 'message'), exited.then(() => undefined)])
  const { address, pid } = checkStarted(answer?.[0] as Started | undefined)
  child.once('exit', watch.listen())
  return {
    address,
    pid,
    ref: () => keepAlive(child, true),
    unref: () => keepAlive(child, false),
    stop: async () => {
      keepAlive(child, true)
      if (child.connected) child.send('stop', () => {})
      const timer = after(patience(watch), () => child.kill('SIGKILL'))
      await exited
      cancel(timer)
    },
  }
}

async function inThread(start: () => Start, _: boolean, watch: Watch): Promise<Running> {
  const worker = startThread(entry)
  const exited = once(worker, 'exit')
  worker.postMessage(start())
  const [answer] = await once(worker, 'message')
  const { address, pid } = checkStarted(answer as Started)
  let watchdog: Worker | undefined
  worker.on('message', ({ watch: memory, patience: longest }: Watched) => {
    watchdog = startWatchdog(memory, longest, watch.saw)
  })
  worker.once('exit', () => watchdog?.terminate())
  return {
    address,
    pid,
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

const patience = (watch: Watch): number => (watch.isHung ? STOPPING_HUNG : STOPPING)

function checkStarted(answer: Started | undefined): { address: string; pid: number } {
  if (!answer)
    throw new ConnectionError('startServer: the server process ended before it listened; see its stderr')
  if (!('error' in answer)) return answer
  throw errorFromWire(
    answer.error instanceof Uint8Array ? new Packed(answer.error) : (answer.error as string),
  )
}
