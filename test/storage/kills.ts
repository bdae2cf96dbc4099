import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic, Context, type ServerOptions } from 'zproc'
import { random } from '../history/random.ts'
import { lasting } from './lasting.ts'

/** How often each server is killed: four of them come to two hundred times. */
const KILLS = Number(process.env.KILLS ?? 50)

/** Tests a server that is killed again and again under load from several processes. */
export function expectToSurvive(title: string, options: ServerOptions): void {
  test(`a server ${title} that is killed ${KILLS} times under load has done each call once, and watchers see each update once`, async t => {
    const home = await lasting(t, { backend: 'process', graceTime: 60_000, ...options })
    const ctx = new Context<AnyState>(home.address, { connectTimeout: 60_000 })
    t.after(() => ctx.close())
    const counted = home.state()
    await counted.set({ n: 0, stop: false, there: 0 })
    const add = atomic((state: AnyState) => ++state.n)
    const come = atomic((state: AnyState) => ++state.there)
    // Each keeps ten calls in flight, and gives what they returned.
    const writers = Array.from({ length: 3 }, () =>
      ctx.process(async state => {
        const results: number[] = []
        const view = await state.view()
        await come(state)
        while (!view.get('stop'))
          results.push(...((await Promise.all(Array.from({ length: 10 }, () => add(state)))) as number[]))
        return results
      }),
    )
    const watcher = ctx.process(async state => {
      const seen: number[] = []
      await come(state)
      for await (const { n, stop } of state.whenChange('n', 'stop')) {
        seen.push(n)
        if (stop) return seen
      }
    })
    const choices = random(Number(process.env.SEED ?? 1))
    // A process that comes while there is no server is refused.
    await counted.getWhenEqual('there', 4, { live: true })
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await counted.get('n')
      // It goes on for some commits, or is killed at the first.
      const until = before + choices.below(300)
      await counted.getWhen(({ n }) => n > until, { live: true })
      await home.kill()
    }
    await counted.set('stop', true)
    const results = (await Promise.all(writers.map(writer => writer.wait()))).flat().sort((a, b) => a - b)
    const n = (await counted.get('n')) as number
    assert.deepEqual(
      results,
      Array.from({ length: n }, (_, i) => i + 1),
    )
    // Whatever comes behind `stop` is the last calls of the writers.
    const seen = (await watcher.wait()) as number[]
    const steps = seen.filter((value, i) => i === 0 || value !== (seen[i - 1] as number) + 1)
    assert.ok(steps.length <= 2, `the watcher saw ${steps} out of order`)
  })
}
