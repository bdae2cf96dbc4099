// What a Context keeps of processes that have ended: nothing, once their ends were told and another process starts.
// ENDED=2000 is the long run.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Context } from 'zproc'
import { held } from '../kit/memory.ts'

const count = Number(process.env.ENDED ?? 30)
const LANES = 4
const KILOBYTES = 100

test(`${count} ended processes leave no value, argument, error or listener`, {
  timeout: 1_200_000,
}, async t => {
  const ctx = new Context({ serverBackend: 'inline', backend: 'thread', stateful: false, spares: 0 })
  t.after(() => ctx.close())
  const controller = new AbortController()
  const kept: WeakRef<object>[] = []
  const one = async (number: number) => {
    const argument = { text: `${number}`.padEnd(KILOBYTES * 1000) }
    const started = ctx.process(
      (given: { text: string }, fails: boolean) => {
        if (fails) throw new Error(given.text)
        return { given }
      },
      { stateful: false, args: [argument, number % 3 === 0], signal: controller.signal },
    )
    kept.push(new WeakRef(started), new WeakRef(argument))
    void (async () => {
      for await (const _ of started.messages());
    })()
    // One in four is waited for with the others.
    const end: unknown =
      number % 4 === 0
        ? await ctx.waitAll({ safe: true })
        : await started.wait().catch((error: unknown) => error)
    kept.push(new WeakRef(end as object))
  }
  const lanes = async (from: number, to: number) => {
    let next = from
    const lane = async () => {
      while (next < to) await one(next++)
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  }
  await lanes(0, 12)
  const before = (await held()).heapUsed
  await lanes(12, count)
  // Those that ended last are let go of when another one starts.
  await ctx.process(() => {}).wait()
  assert.equal(ctx.processList.length, 1)
  const after = (await held()).heapUsed
  const alive = kept.filter(ref => ref.deref() !== undefined).length
  assert.equal(alive, 0, `${alive} of ${kept.length} objects are still there`)
  // Each took twice 100 kB.
  const grown = (after - before) / 1000
  assert.ok(grown < (count - 12) * KILOBYTES * 0.1, `the heap has grown by ${Math.round(grown)} kB`)
})
