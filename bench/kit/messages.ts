// A hand-made shared object: the process at one end of an IPC channel keeps it, the other end asks.
import { type ChildProcess, fork } from 'node:child_process'
import { type EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Keeper, Kept } from './keeper.ts'
import { createTable, type Operation, questions } from './table.ts'

type Port = EventEmitter & { send?(message: unknown): boolean }
interface Question {
  id: number
  operation: Operation
  key: string
  value?: unknown
}

const file = fileURLToPath(import.meta.url)
const children = new Map<string, ChildProcess>()

export async function start(): Promise<Kept> {
  const child = fork(file)
  await once(child, 'message')
  const address = String(child.pid)
  children.set(address, child)
  return { address, stop: () => child.kill() }
}

/** Asks the child with this pid, or, where there is none, the parent. */
export async function ask(pid: string): Promise<Keeper> {
  return askThrough(children.get(pid) ?? process)
}

function askThrough(port: Port): Keeper {
  const asked = questions((id, operation, key, value) => {
    port.send?.({ id, operation, key, value } satisfies Question)
  })
  port.on('message', ({ id, answer }: { id: number; answer: unknown }) => asked.answered(id, answer))
  return { ...asked, close: () => {} }
}

/** Answers what the processes at the other ends ask; the table that it keeps. */
export function keep(...ports: Port[]) {
  const table = createTable()
  for (const port of ports)
    port.on('message', ({ id, operation, key, value }: Question) => {
      if (id !== undefined) port.send?.({ id, answer: table(operation, key, value) })
    })
  return table
}

if (process.send && process.argv[1] === file) {
  keep(process)
  process.send('ready')
  process.on('disconnect', () => process.exit())
}
