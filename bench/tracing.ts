// What do the channels for tracing cost where nothing subscribes? The processor time of calls in flight, of client and server together,
// against a build that has none of the channels. Other programs change it less than they change a rate.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { inTurn, type Samples, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'
import { buildWithoutTracing } from './kit/untraced.ts'

const N = sized(20_000)
// What a program happens to be compiled to stays with it: so there are several of each kind.
const pairs = sized(6)
const rounds = sized(40)

const builds = await buildWithoutTracing()
const calls = ['set', 'get', 'atomic', 'atomic with an argument']
const figures: Record<string, Samples> = {}
for (let pair = 0; pair < pairs; pair++) {
  const plain = await start(builds.without)
  const traced = await start(builds.with)
  for (const call of calls) {
    const found = await inTurn(
      rounds,
      { [`${call}, without the channels`]: () => plain.run(call), [call]: () => traced.run(call) },
      3,
    )
    for (const [name, samples] of Object.entries(found))
      figures[name] = [...(figures[name] ?? []), ...samples]
  }
  await Promise.all([plain.stop(), traced.stop()])
}
for (const call of calls) {
  const names = [`${call}, without the channels`, call]
  const rows = Object.fromEntries(names.map(name => [name, figures[name] as Samples]))
  report(`500 calls of ${call} in flight, nothing subscribes`, 'µs', rows)
}
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
