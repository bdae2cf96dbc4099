// Generated maps against a model. ZPROC_MAPS=500 runs as many of them; ZPROC_SEED repeats a run that failed.
import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { State } from '../../src/client/state.ts'
import type { Context } from '../../src/context/context.ts'
import { WorkerCrashError } from '../../src/errors.ts'
import { itemSignal } from '../../src/map/item-signal.ts'
import { contextFor, range } from './contexts.ts'

const maps = Number(process.env.ZPROC_MAPS ?? 25)
const seed = process.env.ZPROC_SEED === undefined ? {} : { seed: Number(process.env.ZPROC_SEED) }

/** What an item does: 'gate' waits until the test opens it, 'kill once' ends its worker on the first try. */
type Act = 'value' | 'throw' | 'gate' | 'kill once' | 'kill'

interface Plan {
  acts: Act[]
  input: 'array' | 'generator' | 'async generator'
  /** The input throws after its items. */
  isBroken: boolean
  ordered: boolean
  settle: boolean
  chunkSize: number | undefined
  count: number
  maxRetries: number
  /** Ends the map after so many results. */
  stop: { how: 'break' | 'cancel' | 'abort'; after: number } | undefined
}

const act = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Act>('value') },
  { weight: 3, arbitrary: fc.constant<Act>('gate') },
  { weight: 1, arbitrary: fc.constantFrom<Act>('throw', 'kill once', 'kill') },
)
const plan: fc.Arbitrary<Plan> = fc.record({
  acts: fc.array(act, { maxLength: 24 }),
  input: fc.constantFrom('array', 'generator', 'async generator'),
  isBroken: fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  ordered: fc.boolean(),
  settle: fc.boolean(),
  chunkSize: fc.constantFrom(undefined, 1, 3, 100),
  count: fc.integer({ min: 1, max: 3 }),
  maxRetries: fc.integer({ min: 0, max: 2 }),
  stop: fc.option(
    fc.record({
      how: fc.constantFrom('break', 'cancel', 'abort'),
      after: fc.integer({ min: 0, max: 12 }),
    }),
    { nil: undefined, freq: 3 },
  ),
})

type Item = [index: number, act: Act]
interface Gates {
  open: number
}

async function target(state: State<Gates>, [index, act]: Item, map: number, file: string): Promise<number> {
  appendFileSync(file, `${map} ${index}\n`)
  if (act === 'gate') {
    const opened = state.getWhen(({ open }) => open >= map, { signal: itemSignal() })
    await opened.catch(() => {})
  }
  if (act === 'throw') throw new RangeError(`item ${index}`)
  const isFirst =
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(line => line === `${map} ${index}`).length === 1
  if (act === 'kill' || (act === 'kill once' && isFirst)) process.kill(process.pid, 'SIGKILL')
  return index * 10
}

type Outcome = 'value' | 'throw' | 'crash'

/** The outcomes that an item may have. Items that travel together may be lost together, as docs/process-map.md says. */
function allowed({ acts, chunkSize, maxRetries }: Plan, index: number): Set<Outcome> {
  const own: Record<Act, Outcome> = {
    value: 'value',
    gate: 'value',
    throw: 'throw',
    'kill once': maxRetries > 0 ? 'value' : 'crash',
    kill: 'crash',
  }
  const outcomes = new Set([own[acts[index] as Act]])
  const kills = acts.filter(act => act.startsWith('kill')).length
  const isAlone = chunkSize === 1
  if (!isAlone && kills > 0 && maxRetries === 0) outcomes.add('crash')
  if (!isAlone && kills > 1 && maxRetries === 1 && acts[index] === 'kill once') outcomes.add('crash')
  return outcomes
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof RangeError) return 'throw'
  assert.ok(error instanceof WorkerCrashError, String(error))
  assert.match(error.message, /it was ended by SIGKILL/)
  return 'crash'
}

interface Seen {
  index: number
  outcome: Outcome
}

class Trial {
  readonly plan: Plan
  readonly seen: Seen[] = []
  readonly ended: { error: unknown } | undefined

  constructor(plan: Plan, seen: Seen[], ended: { error: unknown } | undefined) {
    this.plan = plan
    this.seen = seen
    this.ended = ended
  }

  check(): void {
    const { acts, ordered, settle, stop } = this.plan
    const indices = this.seen.map(({ index }) => index)
    assert.equal(new Set(indices).size, indices.length, `twice: ${indices}`)
    if (ordered) assert.deepEqual(indices, range(indices.length))
    for (const { index, outcome } of this.seen)
      assert.ok(allowed(this.plan, index).has(outcome), `item ${index}, ${acts[index]}, had ${outcome}`)
    if (stop && this.seen.length >= stop.after && stop.after <= acts.length && this.#isStopped()) return
    if (!this.ended) {
      assert.equal(indices.length, acts.length)
      assert.equal(this.plan.isBroken, false)
    } else this.#checkError(settle)
  }

  #isStopped(): boolean {
    const { stop } = this.plan
    return this.seen.length === stop?.after && (stop.how !== 'abort' || this.ended?.error === ABORTED)
  }

  #checkError(settle: boolean): void {
    const { acts, ordered } = this.plan
    const { error } = this.ended as { error: unknown }
    if (error === BROKEN) {
      assert.ok(this.plan.isBroken)
      return assert.equal(this.seen.length, acts.length)
    }
    assert.equal(settle, false, `an error of an item was thrown: ${error}`)
    const index = Reflect.get(error as object, 'index') as number
    if (ordered) assert.equal(index, this.seen.length)
    assert.ok(allowed(this.plan, index).has(outcomeOf(error)), `item ${index} failed with ${error}`)
  }
}

const BROKEN = new Error('the input is broken')
const ABORTED = new Error('aborted')

function inputOf({ acts, input, isBroken }: Plan): Iterable<Item> | AsyncIterable<Item> {
  const items = acts.map((act, index): Item => [index, act])
  if (input === 'array' && !isBroken) return items
  function* generator() {
    yield* items
    if (isBroken) throw BROKEN
  }
  async function* slowly() {
    for (const item of generator()) {
      await new Promise(resolve => setImmediate(resolve))
      yield item
    }
  }
  return input === 'async generator' ? slowly() : generator()
}

async function run(ctx: Context<Gates>, plan: Plan, map: number, file: string): Promise<Trial> {
  const { ordered, settle, chunkSize, count, maxRetries, stop } = plan
  const controller = new AbortController()
  const results = ctx.processMap(target, inputOf(plan), {
    stateful: true,
    args: [map, file],
    ordered,
    settle,
    count,
    maxRetries,
    signal: controller.signal,
    ...(chunkSize !== undefined && { chunkSize }),
  }) as AsyncIterable<unknown> & { cancel(): void }
  // Gates open when everything else had the time to be done, or not: both must be right.
  const opening = setTimeout(() => void ctx.state.set('open', map), 30)
  const seen: Seen[] = []
  const halt = () => {
    if (stop?.how === 'cancel') results.cancel()
    if (stop?.how === 'abort') controller.abort(ABORTED)
  }
  try {
    if (stop?.after === 0) halt()
    for await (const result of results) {
      if (stop?.after === 0 && stop.how === 'break') break
      seen.push(seenOf(result, ordered, settle, seen.length))
      if (seen.length !== stop?.after) continue
      if (stop.how === 'break') break
      halt()
    }
    return new Trial(plan, seen, undefined)
  } catch (error) {
    return new Trial(plan, seen, { error })
  } finally {
    clearTimeout(opening)
    await ctx.state.set('open', map)
  }
}

function seenOf(result: unknown, ordered: boolean, settle: boolean, place: number): Seen {
  const { index, status, value, reason } = (
    typeof result === 'object' ? result : { value: result }
  ) as Record<string, unknown>
  const at = ordered ? place : (index as number)
  assert.equal(index, ordered ? undefined : at)
  assert.equal(status !== undefined, settle)
  if (status === 'rejected') {
    assert.equal(Reflect.get(reason as object, 'index') ?? at, at)
    return { index: at, outcome: outcomeOf(reason) }
  }
  assert.equal(value, at * 10)
  return { index: at, outcome: 'value' }
}

function noteFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-maps-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'tries')
  writeFileSync(file, '')
  return file
}

test('generated maps: outcomes, order and tries are right, and nothing is left running', async t => {
  const ctx = contextFor(t, { stdio: 'pipe' }) as unknown as Context<Gates>
  await ctx.state.set('open', 0)
  const file = noteFile(t)
  const tries = () => readFileSync(file, 'utf8')
  let map = 0
  await fc.assert(
    fc.asyncProperty(plan, async plan => {
      writeFileSync(file, '')
      const trial = await run(ctx, plan, ++map, file)
      trial.check()
      // The pool is whole: each worker answers, and only then has what ran before ended.
      const after = await ctx.processMap((x: number) => x, range(6), { count: 3, chunkSize: 1 }).toArray()
      assert.deepEqual(after, range(6))
      const counts = new Map<string, number>()
      for (const line of tries().trim().split('\n')) counts.set(line, (counts.get(line) ?? 0) + 1)
      for (const [line, count] of counts)
        assert.ok(count <= plan.maxRetries + 1, `item ${line} was tried ${count} times`)
      const began = tries()
      await ctx.run((x: number) => x, 1)
      assert.equal(tries(), began, 'items began after the end of their map')
    }),
    { numRuns: maps, ...seed },
  )
})

for (const ordered of [true, false])
  for (const chunkSize of [undefined, 1])
    test(`one item that does not end holds up no other (ordered: ${ordered}, chunkSize: ${chunkSize})`, async t => {
      const ctx = contextFor(t) as unknown as Context<Gates>
      await ctx.state.set('open', 0)
      const file = noteFile(t)
      // The gate is in the middle of items that travel together.
      const items = range(600).map((index): Item => [index, index === 300 ? 'gate' : 'value'])
      let reached = (_?: unknown) => {}
      const allOthers = new Promise(resolve => {
        reached = resolve
      })
      const results = ctx.processMap(target, items, {
        stateful: true,
        args: [1, file],
        count: 2,
        ordered,
        chunkSize,
        onProgress: ({ done }) => done === 599 && reached(),
      })
      const alive = setInterval(() => {}, 1000)
      await allOthers
      clearInterval(alive)
      await ctx.state.set('open', 1)
      const all = await results.toArray()
      const values = all.map(result => (typeof result === 'number' ? result : result.value))
      assert.deepEqual(
        ordered ? values : values.sort((a, b) => a - b),
        range(600).map(index => index * 10),
      )
    })
