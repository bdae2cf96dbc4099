import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { ConnectionError } from '../errors.ts'
import { unlinkAtEnd } from '../lifeline/guard.ts'
import { keepAlive, spawnTied } from '../lifeline/spawn.ts'
import { startThread } from '../lifeline/thread.ts'
import { isLocal, parseAddress, randomIpcAddress } from '../protocol/address.ts'
import { errorFromWire, Packed } from '../protocol/values.ts'
import { listen } from './listen.ts'
import type { Start, Started } from './main.ts'
import { checkServerOptions, type Limits, type ServerOptions } from './options.ts'

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

const entry = new URL(`./main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** @internal What a Context says besides. */
export interface InnerServerOptions extends ServerOptions {
  /** false: a server process survives its owner, until the last of its clients is gone. */
  tied?: boolean
}

/**
 * Starts a state server; without an address on a new `ipc://` one.
 *
 *     const server = await startServer('tcp://127.0.0.1:5000')
 *
 * Rejects with ConnectionError when the address is taken, with TypeError or RangeError for wrong arguments.
 */
export async function startServer(address?: string | null, options: ServerOptions = {}): Promise<Server> {
  const limits = checkServerOptions(options, 'startServer')
  const where = address ?? randomIpcAddress()
  const endpoint = parseAddress(where, 'startServer')
  if (!isLocal(endpoint) && options.secretKey === undefined && !options.insecure)
    throw new TypeError(
      `startServer: ${where} can be reached from other machines; give a secretKey, or insecure: true to let anybody in`,
    )
  const { backend = 'process', tied = true }: InnerServerOptions = options
  // The guard removes what a killed server could not.
  const forget =
    tied && endpoint.kind === 'ipc' && process.platform !== 'win32' ? unlinkAtEnd(endpoint.path) : () => {}
  const started = await { process: inProcess, thread: inThread, inline }
    [backend](where, limits, options.secretKey, tied)
    .catch(error => {
      forget()
      throw error
    })
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

async function inline(address: string, limits: Limits, secretKey?: string): Promise<Running> {
  const { address: bound, keep, stop } = await listen(address, limits, secretKey)
  return { address: bound, pid: process.pid, stop, ref: () => keep(true), unref: () => keep(false) }
}

async function inProcess(
  address: string,
  limits: Limits,
  secretKey: string | undefined,
  tied: boolean,
): Promise<Running> {
  const child = spawnTied(entry, { rank: 'last', tied, args: tied ? [] : ['untied'] })
  const exited = once(child, 'exit')
  child.send({ address, limits, secretKey } satisfies Start)
  const answer = await Promise.race([once(child, 'message'), exited.then(() => undefined)])
  const { address: bound, pid } = checkStarted(answer?.[0] as Started | undefined)
  return {
    address: bound,
    pid,
    ref: () => keepAlive(child, true),
    unref: () => keepAlive(child, false),
    stop: async () => {
      keepAlive(child, true)
      if (child.connected) child.send('stop', () => {})
      await exited
    },
  }
}

async function inThread(address: string, limits: Limits, secretKey?: string): Promise<Running> {
  const worker = startThread(entry)
  const exited = once(worker, 'exit')
  worker.postMessage({ address, limits, secretKey } satisfies Start)
  const [answer] = await once(worker, 'message')
  const { address: bound, pid } = checkStarted(answer as Started)
  return {
    address: bound,
    pid,
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    stop: async () => {
      worker.ref()
      worker.postMessage('stop')
      await exited
    },
  }
}

function checkStarted(answer: Started | undefined): { address: string; pid: number } {
  if (!answer)
    throw new ConnectionError('startServer: the server process ended before it listened; see its stderr')
  if (!('error' in answer)) return answer
  throw errorFromWire(
    answer.error instanceof Uint8Array ? new Packed(answer.error) : (answer.error as string),
  )
}
