import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call } from './calls.ts'
import { check } from './check.ts'
import type { CallRecord, Entry, History, Logged, WatchRecord } from './records.ts'

// Histories made by hand, of what no server that is broken in `broken.ts` does. Each is right but for one thing.

const commit = (revision: number, name: string, method: string, before: object, after: object): Logged => ({
  revision,
  name,
  method,
  time: revision,
  identical: JSON.stringify(before) === JSON.stringify(after),
  before: { ...before },
  after: { ...after },
})
const log = [commit(1, 'a.1', 'set', {}, { x: 1 }), commit(2, 'b.1', 'set', { x: 1 }, { x: 2 })]

const call = (by: string, number: number, call: Call, times: [number, number], result = ''): CallRecord => ({
  type: 'call',
  by,
  number,
  call,
  invoked: times[0],
  returned: times[1],
  result,
})
const setBy = (by: string, value: number, times: [number, number]) =>
  call(by, 1, { kind: 'set', key: 'x', value }, times)
const calls = [setBy('a.1', 1, [1, 2]), setBy('b.1', 2, [3, 4])]
const get = (times: [number, number], result: string) =>
  call('c.1', 1, { kind: 'get', key: 'x' }, times, result)

const wrong = (entries: Entry[], more: Partial<History> = {}): string[] => [
  ...new Set(
    check({ seed: 0, log, entries, historyLimit: 100, holds: false, faults: 0, stuck: [], ...more }).map(
      it => it.wrong,
    ),
  ),
]

test('nothing is wrong with what is right', () => {
  assert.deepEqual(wrong(calls), [])
  assert.deepEqual(wrong([...calls, get([1.5, 3.5], '1')]), [])
})

test('a read of what is no longer, or not yet, or never was so', () => {
  assert.deepEqual(wrong([...calls, get([5, 6], '1')]), ['stale read', 'not linearizable'])
  assert.deepEqual(wrong([...calls, get([1.5, 2.5], '2')]), ['early read', 'not linearizable'])
  assert.deepEqual(wrong([...calls, get([1.5, 2.5], '3')]), ['wrong result', 'not linearizable'])
})

test('a write that was refused and is in the log, and one that nobody made', () => {
  const refused = { ...calls[1]!, result: undefined, failed: 'none' as const }
  assert.deepEqual(wrong([calls[0]!, refused]), ['refused write in the log'])
  assert.deepEqual(wrong([calls[0]!]), ['unknown write'])
})

test('a write of unknown outcome may be in the log or not', () => {
  const unknown = { ...calls[1]!, result: undefined, failed: 'unknown' as const }
  assert.deepEqual(wrong([calls[0]!, unknown]), [])
  assert.deepEqual(wrong([calls[0]!, unknown], { log: log.slice(0, 1) }), [])
})

test('of calls whose outcome is not known, the one that did what the log says is the commit', () => {
  const pop = (key: string, number: number): CallRecord => ({
    ...call('a.1', number, { kind: 'pop', key }, [5, 6]),
    result: undefined,
    failed: 'unknown',
  })
  const popped = [...log, commit(3, 'a.1', 'pop', { x: 2 }, {})]
  assert.deepEqual(wrong([...calls, pop('y', 2), pop('x', 3)], { log: popped }), [])
  assert.deepEqual(wrong([...calls, pop('y', 2)], { log: popped }), ['unknown write'])
})

test('writes that are committed in another order than that of time', () => {
  const later = [setBy('a.1', 1, [5, 6]), setBy('b.1', 2, [3, 4])]
  assert.deepEqual(wrong(later), ['reordered writes'])
})

test('a log with a gap, or that does not chain', () => {
  assert.ok(wrong(calls, { log: [log[0]!, { ...log[1]!, revision: 3 }] }).includes('broken log'))
  assert.ok(wrong(calls, { log: [log[0]!, { ...log[1]!, before: { x: 5 } }] }).includes('broken log'))
  assert.ok(wrong(calls, { log: [log[0]!, { ...log[1]!, identical: true }] }).includes('broken log'))
})

test('a view that lacks a write of its own State, or goes back', () => {
  const view = (number: number, revision: number, state: string): Entry => ({
    type: 'view',
    by: 'b.1',
    number,
    invoked: 5,
    revision,
    state,
  })
  assert.deepEqual(wrong([...calls, view(2, 2, 'x=2')]), [])
  assert.deepEqual(wrong([...calls, view(2, 1, 'x=1')]), ['stale view'])
  assert.deepEqual(wrong([...calls, view(2, 2, 'x=1')]), ['torn snapshot'])
  assert.deepEqual(wrong([...calls, view(2, 2, 'x=2'), view(3, 1, 'x=1')]), ['went back', 'stale view'])
})

test('a watcher that passes over the last update before the next, or that is told of a gap too early', () => {
  const start: Entry = { type: 'start', by: 'c.1', number: 0, invoked: 0, returned: 0.5 }
  const watch = { kind: 'change', keys: [], live: false, duplicateOkay: false } as const
  const step = (number: number, more: Partial<WatchRecord>): WatchRecord => ({
    ...{ type: 'watch', by: 'c.1', number, invoked: 5, returned: 6, watch: { ...watch, keys: [] } },
    ...more,
  })
  const one = step(1, { seen: { state: 'x=1' } })
  const two = step(2, { seen: { state: 'x=2' } })
  assert.deepEqual(wrong([...calls, start, one, two]), [])
  assert.deepEqual(wrong([...calls, start, two]), ['lost update'])
  assert.deepEqual(wrong([...calls, start, one, one]), ['repeated update'])
  const gap = step(1, { missed: [1, 1] })
  assert.deepEqual(wrong([...calls, start, gap, two]), ['wrong gap'])
  const early = step(0, { invoked: 0.6, returned: 0.9, late: true })
  assert.deepEqual(wrong([...calls, start, early, gap, two], { historyLimit: 1 }), [])
  // Who watches for the first time has missed nothing.
  assert.deepEqual(wrong([...calls, start, gap, two], { historyLimit: 1 }), ['wrong gap'])
})

test('a gap that holds own writes alone', () => {
  const start: Entry = { type: 'start', by: 'b.1', number: 0, invoked: 2.5, returned: 2.6 }
  const watch = { kind: 'change', keys: [], live: false, duplicateOkay: false } as const
  const late: WatchRecord = {
    ...{ type: 'watch', by: 'b.1', number: 2, invoked: 2.7, returned: 2.9 },
    ...{ watch: { ...watch, keys: [] }, late: true },
  }
  const gap: WatchRecord = { ...late, number: 3, invoked: 5, returned: 6, late: undefined, missed: [2, 2] }
  const after = [...log, commit(3, 'c.1', 'set', { x: 2 }, { x: 3 })]
  const all = [...calls, setBy('c.1', 3, [4.2, 4.5])]
  assert.deepEqual(wrong([...all, start, late, gap], { log: after, historyLimit: 1 }), ['wrong gap'])
  const other = { ...start, by: 'd.1' }
  const others = [late, gap].map(step => ({ ...step, by: 'd.1' }))
  assert.deepEqual(wrong([...all, other, ...others], { log: after, historyLimit: 1 }), [])
})

test('watchers that end in another way when their State is closed', () => {
  const end: Entry = {
    ...{ type: 'end', by: 'c.1', number: 5, invoked: 5, returned: 6 },
    ...{ buffered: 'done', live: 'done', once: 'ZPROC_CLOSED' },
  }
  assert.deepEqual(wrong([...calls, end]), [])
  for (const other of [{ buffered: 'ZPROC_CLOSED' }, { live: 'a value' }, { once: 'done' }])
    assert.deepEqual(wrong([...calls, { ...end, ...other }]), ['wrong end'])
})

test('what did not end, and errors that nothing explains', () => {
  assert.deepEqual(wrong(calls, { stuck: ['a call'] }), ['stuck'])
  const failed = {
    ...get([5, 6], ''),
    result: undefined,
    failed: 'none' as const,
    error: 'UNEXPECTED TypeError',
  }
  assert.deepEqual(wrong([...calls, failed]), ['unexpected error'])
})
