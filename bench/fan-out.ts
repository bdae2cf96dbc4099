// One writes, up to 1,000 watch: how long until all have heard of a write, and how many hear of something in a second?
// The watchers are in four processes (one of them alone in one), and have up to 100 connections between them.
import { setTimeout as delay } from 'node:timers/promises'
import { startAudience } from './kit/audience.ts'
import { inTurn, machineTime, median, sized } from './kit/measure.ts'
import { type NewsName, news } from './kit/news.ts'
import { report } from './kit/report.ts'

const sizes = {
  '1 watcher': { processes: 1, connections: 1, watchers: 1 },
  '10 watchers, 10 connections': { processes: 2, connections: 5, watchers: 1 },
  '100 watchers, 100 connections': { processes: 4, connections: 25, watchers: 1 },
  '1,000 watchers, 100 connections': { processes: 4, connections: 25, watchers: 10 },
}
const TIMES = sized(50)
const WRITES = sized(500)
// There a write goes to each process once: to have heard of it is to count to the number of its watchers.
const peers = (Object.keys(news) as NewsName[]).filter(name => name !== 'child_process messages')

for (const [title, size] of Object.entries(sizes)) {
  const { one, many, end } = await everybody(size)
  report(`One write to ${title}`, 'µs', await inTurn(sized(20), one))
  if (size.watchers > 1) report(`500 writes to ${title}`, 'per second', await inTurn(sized(5), many))
  await end()
}

async function everybody(size: (typeof sizes)['1 watcher']) {
  const one: Record<string, () => Promise<number>> = {}
  const many: Record<string, () => Promise<number>> = {}
  const ends: (() => Promise<void>)[] = []
  for (const name of peers) {
    const audience = await startAudience(name, size)
    if (!audience) continue
    const { write, heardBy, stop } = audience
    let n = 0
    ends.push(stop)
    one[name] = async () => {
      const waits: number[] = []
      for (let i = 0; i < TIMES; i++) {
        // Asked before, and everybody is at rest: else a write that leaves at the end of the turn comes behind the question.
        const heard = heardBy(n)
        await delay(1)
        const began = machineTime()
        void write(n++)
        waits.push((await heard) - began)
      }
      return median(waits)
    }
    many[name] = async () => {
      const began = machineTime()
      for (let i = 0; i < WRITES; i++) void write(n++)
      const took = (await heardBy(n - 1)) - began
      return (size.processes * size.connections * size.watchers * WRITES * 1e6) / took
    }
  }
  return { one, many, end: () => Promise.all(ends.map(end => end())) }
}
