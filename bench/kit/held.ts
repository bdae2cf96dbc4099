// A process that holds something, and says how much memory it has after its garbage is gone.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startServer } from 'zproc'

export interface Holder {
  /** Of the server that it is; empty for a bare Map. */
  address: string
  /** Resident memory in bytes. */
  memory(): Promise<number>
  /** Has a bare Map hold so many keys. */
  fill(count: number): Promise<unknown>
  end(): void
}

const file = fileURLToPath(import.meta.url)

export async function startHolder(what: 'server' | 'map', historyLimit = 100_000): Promise<Holder> {
  const child = fork(file, [what, String(historyLimit)], {
    execArgv: [...process.execArgv, '--expose-gc'],
  })
  const [address] = (await once(child, 'message')) as [string]
  const ask = async (question: number | 'collect') => {
    child.send(question)
    await once(child, 'message')
  }
  return {
    address,
    memory: async () => {
      await ask('collect')
      return residentBytes(child.pid as number)
    },
    fill: ask,
    end: () => child.kill(),
  }
}

export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

if (process.send && process.argv[1] === file) {
  const map = new Map<string, number>()
  const isServer = process.argv[2] === 'server'
  const server = isServer
    ? await startServer(null, { backend: 'inline', historyLimit: Number(process.argv[3]) })
    : undefined
  process.on('message', async (message: number | 'collect') => {
    if (message === 'collect') {
      // Memory is given back to the system bit by bit.
      let before = Number.POSITIVE_INFINITY
      for (let now = process.memoryUsage.rss(); now < before; now = process.memoryUsage.rss()) {
        before = now
        for (let i = 0; i < 5; i++) {
          globalThis.gc?.()
          await delay(20)
        }
      }
    } else for (let i = 0; i < message; i++) map.set(`k${i}`, i)
    process.send?.('done')
  })
  process.on('disconnect', () => process.exit())
  process.send(server?.address ?? '')
}
