// What do the channels for tracing cost where nothing subscribes? The processor time of calls in flight, of client and server together,
// against a build that has none of the channels. Other programs change it less than they change a rate.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { inTurn, type Samples, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'
import { buildWithoutTracing } from './kit/untraced.ts'

const N = sized(20_000)
// How a program comes to be compiled stays with it, for better or worse: so there are many of each kind, each of which counts once, with
// its best rounds. Two kinds are the same, to see what chance does.
const programs = sized(12)
const rounds = sized(20)
const best = 3

const builds = await buildWithoutTracing()
const calls = ['set', 'get', 'atomic', 'atomic with an argument']
const figures = new Map(calls.map(call => [call, new Map<string, Samples>()]))
for (let i = 0; i < programs; i++) {
  const without = await start(builds.without)
  const traced = await start(builds.with)
  const again = await start(builds.without)
  for (const call of calls) {
    const found = await inTurn(
      rounds,
      {
        [`${call}, without the channels`]: () => without.run(call),
        [call]: () => traced.run(call),
        [`${call}, without the channels, once more`]: () => again.run(call),
      },
      3,
    )
    const rows = figures.get(call) as Map<string, Samples>
    for (const [name, samples] of Object.entries(found)) {
      const lowest = samples.sort((a, b) => a - b).slice(0, best)
      const mean = lowest.reduce((sum, one) => sum + one, 0) / lowest.length
      rows.set(name, [...(rows.get(name) ?? []), mean])
    }
  }
  await Promise.all([without, traced, again].map(program => program.stop()))
}
// Programs are no pairs: the best of one kind is compared with the best of the other, and so on.
const ranked = (samples: Samples) => samples.sort((a, b) => a - b)
for (const [call, rows] of figures)
  report(
    `500 calls of ${call} in flight, nothing subscribes`,
    'µs',
    Object.fromEntries([...rows].map(([name, samples]) => [name, ranked(samples)])),
  )
builds.remove()

/** A program that makes calls with the build whose module is at `url`. */
async function start(url: string) {
  const child = fork(fileURLToPath(new URL('kit/calls.mjs', import.meta.url)), [url], { execArgv: [] })
  await once(child, 'message')
  return {
    run: async (call: string): Promise<number> => {
      child.send({ call, count: N })
      const [microseconds] = (await once(child, 'message')) as [number]
      return microseconds
    },
    stop: async () => {
      child.send('stop')
      await once(child, 'exit')
    },
  }
}
