import { parentPort } from 'node:worker_threads'
import { every, monotonic } from '../async/interval.ts'
import { lineToOwner } from '../lifeline/line.ts'
import { endWithOwner } from '../lifeline/owner.ts'
import { Doing, startWatchdog } from '../lifeline/watchdog.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { errorToWire, Packed } from '../protocol/values.ts'
import { flushTraces } from '../tracing/carried.ts'
import { type Listening, listen, type Start } from './listen.ts'
import { noteFile } from './note.ts'
import { shield } from './shield.ts'

/** The two answers to what the owner sends first. */
export type Started = { address: string; pid: number } | { error: unknown }
/** What the owner sends. */
export type Order = Start | 'stop' | 'describe'
/** The answer to 'describe'. */
export interface Told {
  described: ServerDescription
}
/** A thread asks its owner to watch it. */
export interface Watched {
  watch: SharedArrayBuffer
  patience: number
}

/** The file over which a process reports that it is stuck: the one behind its channel. */
const REPORTS = 4
/** Milliseconds in which whoever found the server has connected; and in which the first one has. */
const ARRIVING = 500
const FIRST = 15_000
/** Milliseconds beyond `atomicTimeout`: a function that can be stopped was, long before. */
const BEYOND = 1500

// The program of a server that has a process, or a thread, of its own.
const line = parentPort ? undefined : lineToOwner<Started | Told, Order>({ heard: message => hear(message) })
parentPort?.on('message', message => hear(message))
const tell = (message: Started | Told) =>
  new Promise<void>(resolve => {
    if (line) return line.send(message, resolve)
    parentPort?.postMessage(message)
    resolve()
  })
const leave = () => (parentPort ? parentPort.close() : process.exit(0))

let server: Listening | undefined

function hear(message: Order): void {
  if (message === 'stop') return void end()
  if (message === 'describe') return void describe()
  const { limits } = message
  const doing = new Doing()
  listen(message, doing).then(
    listening => {
      server = listening
      shield()
      void tell({ address: listening.address, pid: process.pid })
      doing.live()
      if (message.linger !== undefined) endAfter(message.linger)
      // What a thread does is looked at by its owner, what a process does by a thread of its own.
      const patience = limits.atomicTimeout + BEYOND
      if (parentPort) parentPort.postMessage({ watch: doing.memory, patience } satisfies Watched)
      else startWatchdog(doing.memory, patience, REPORTS, noteFile(listening.address, process.pid))
    },
    error => {
      const wire = errorToWire(error)
      // Nothing to stop: it ends once the owner has been told.
      void tell({ error: wire instanceof Packed ? wire.bytes : wire }).then(leave)
    },
  )
}

/** A server that survives its owner serves those who are left. */
function endIfUnused(): void {
  if (server?.isUnused()) void end()
}

/** Ends it when it had no clients for so many milliseconds; at first it waits for one. */
function endAfter(linger: number): void {
  if (linger === Number.POSITIVE_INFINITY) return
  const began = monotonic()
  let wasUsed = false
  let unused = began
  every(Math.max(10, Math.min(linger / 4, 1000)), () => {
    const now = monotonic()
    if (!server?.isUnused()) {
      wasUsed = true
      unused = now
    } else if (now - unused >= (wasUsed ? Math.max(linger, ARRIVING) : FIRST)) void end()
  })
}

async function describe(): Promise<void> {
  if (server) await tell({ described: await server.describe() })
}

async function end(): Promise<void> {
  await server?.stop()
  await flushTraces()
  leave()
}

if (line) {
  // Ctrl-C reaches the whole terminal: the owner decides when the server goes.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => void end())
  if (process.argv[2] === 'untied') void line.closed.then(() => every(1000, endIfUnused))
  else if (process.argv[2] !== 'lingers') endWithOwner(line, { grace: 500, before: () => void end() })
}
