// Loops and views' loops that a program drops without `return()`, as one whose body waits for ever: what they had open ends when
// the collector finds them, and until then they keep a bounded amount of what comes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type AnyState, State, startServer } from 'zproc'
import { linkOf } from '../../src/client/state.ts'
import { elsewhere } from '../kit/elsewhere.ts'
import { collect, held } from '../kit/memory.ts'

const LOOPS = 100
const MB = 1 << 20
type Loop = AsyncIterator<unknown>

const kinds: Record<string, (state: State<AnyState>) => Loop> = {
  'buffered loops': state => state.whenAvailable('n'),
  'buffered loops of updates': state => state.rawUpdates(),
  'live loops': state => state.whenAvailable('n', { live: true }),
  'live loops of updates': state => state.rawUpdates({ live: true }),
}

for (const [kind, open] of Object.entries(kinds))
  test(`${LOOPS} ${kind} that are dropped without return() end, and keep little before`, async t => {
    const server = await startServer()
    t.after(() => server.stop())
    const state = new State<AnyState>(server.address)
    const writer = new State<AnyState>(elsewhere(server.address))
    t.after(() => Promise.all([state.close(), writer.close()]))
    await writer.set('n', 0)
    await state.size()
    const { feeds } = linkOf(state as unknown as State<object>, 'test').connection
    const loops = Array.from({ length: LOOPS }, () => open(state))
    const steps = loops.map(loop => loop.next())
    // What this answers has begun to watch.
    await state.size()
    await writer.set('n', 1)
    for (const step of steps) assert.equal((await step).done, false)
    steps.length = 0
    assert.equal(feeds.size, LOOPS)
    loops.length = 0
    const before = await heap()
    // What a reader is sent ahead is bounded, whether or not the loop is there still.
    const text = 'x'.repeat(1000)
    for (let i = 0; i < 20; i++)
      await Promise.all(Array.from({ length: 100 }, (_, k) => writer.set('text', `${i} ${k} ${text}`)))
    const grown = (await heap()) - before
    assert.ok(grown < 64 * MB, `${Math.round(grown / MB)} MB`)
    // Of the last one a register may hold on for a while.
    for (let i = 0; feeds.size > 1 && i < 200; i++) {
      collect()
      await delay(10)
    }
    assert.ok(feeds.size <= 1, `${feeds.size} feeds are open`)
    await state.size()
  })

async function heap(): Promise<number> {
  const { heapUsed, external } = await held()
  return heapUsed + external
}
