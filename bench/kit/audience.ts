// Processes that watch for numbers, and say when each of them had reached all their watchers.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { machineTime } from './measure.ts'
import { type Hearer, type News, type NewsName, news } from './news.ts'

export interface Audience {
  /** Does not wait for anybody to hear of it. */
  write(n: number): Promise<unknown>
  /** When the last watcher heard of `n`, on the machine's clock. */
  heardBy(n: number): Promise<number>
  stop(): Promise<void>
}

export interface Size {
  processes: number
  /** Of each process. */
  connections: number
  /** Of each connection. */
  watchers: number
}

const file = fileURLToPath(import.meta.url)

/** undefined: this way of telling is not installed here. */
export async function startAudience(name: NewsName, size: Size): Promise<Audience | undefined> {
  const writer = await (news[name] as News).start(size.connections)
  if (!writer) return undefined
  const children = Array.from({ length: size.processes }, () =>
    fork(file, [name, String(size.watchers), ...writer.addresses]),
  )
  await Promise.all(children.map(child => once(child, 'message')))
  return {
    write: n => writer.write(n, children),
    heardBy: async n => Math.max(...(await Promise.all(children.map(child => asked(child, n))))),
    stop: async () => {
      for (const child of children) child.kill()
      await writer.stop()
    },
  }
}

function asked(child: ChildProcess, n: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('a process of the audience ended'))
    child.once('exit', ended)
    child.once('message', (time: number) => {
      child.off('exit', ended)
      resolve(time)
    })
    child.send({ when: n })
  })
}

if (process.send && process.argv[1] === file) {
  const [name, watchers, ...addresses] = process.argv.slice(2) as [NewsName, string, ...string[]]
  const everybody = addresses.length * Number(watchers)
  const times: number[] = []
  const heard: number[] = []
  let when = -1
  const tell = () => {
    if (times[when] === undefined) return
    process.send?.(times[when])
    when = -1
  }
  process.on('message', (message: { when?: number }) => {
    if (message.when === undefined) return
    when = message.when
    tell()
  })
  process.on('disconnect', () => process.exit())
  await Promise.all(
    addresses.map(address =>
      (news[name] as News).watch(address, Array.from({ length: Number(watchers) }, watcher)),
    ),
  )
  process.send('ready')

  /** One that must hear of every number once, in order. */
  function watcher(): Hearer {
    let next = 0
    return n => {
      if (n !== next) {
        console.error(`wrong answer: a watcher of ${name} heard ${n} instead of ${next}`)
        process.exit(1)
      }
      next++
      heard[n] = (heard[n] ?? 0) + 1
      if (heard[n] !== everybody) return
      times[n] = machineTime()
      tell()
    }
  }
}
