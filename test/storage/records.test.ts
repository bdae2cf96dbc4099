// What a block holds: records, of which commits say once who made them. RUNS=n sets how many lists are tried.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encode } from '../../src/protocol/frames.ts'
import type { WireChange, WireCommit } from '../../src/protocol/messages.ts'
import { Journal } from '../../src/storage/journal.ts'
import { openLog } from '../../src/storage/log.ts'
import { VERSION, writeManifest } from '../../src/storage/manifest.ts'
import { manifestOf } from '../../src/storage/rebuild.ts'
import { decodeRecords, encodeRecords, Kept, type LogRecord } from '../../src/storage/records.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const numRuns = Number(process.env.RUNS ?? 1000)

const changes: fc.Arbitrary<WireChange[]> = fc.array(
  fc.oneof(
    fc.constant<WireChange>([]),
    fc.tuple(fc.string()),
    fc.tuple(fc.string(), fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null))),
  ),
  { maxLength: 3 },
)
// Few of each: neighbours are often alike, or alike but for one part.
const commit: fc.Arbitrary<WireCommit> = fc.tuple(
  fc.integer({ min: 1, max: 2 }),
  fc.integer({ min: 1, max: 2 }),
  fc.integer({ min: 1, max: 2 }),
  fc.constantFrom('one', 'two'),
  fc.constantFrom('set', 'atomic'),
  fc.integer({ min: 0, max: 2 ** 42 }),
  fc.boolean(),
  changes,
)
const record: fc.Arbitrary<LogRecord> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant(Kept.commit), fc.integer({ min: 1, max: 3 }), commit) },
  fc.tuple(fc.constant(Kept.commit), fc.constant(1), commit, fc.nat()),
  fc.tuple(fc.constant(Kept.commit), fc.constant(1), commit, fc.nat(), fc.string()),
  fc.tuple(fc.constant(Kept.ended), fc.nat()),
  fc.tuple(fc.constant(Kept.namespace), fc.nat(), fc.string(), fc.nat()),
)

test('a block gives back the records that were put into it, and they are as they were', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), records => {
      const before = structuredClone(records)
      const payload = encodeRecords(records)
      assert.deepEqual(records, before)
      assert.deepEqual(decodeRecords(payload), before)
      // Version 1 of the format spelled out every commit.
      assert.deepEqual(decodeRecords(encode(records)), before)
    }),
    { numRuns },
  )
})

test('who made commits that follow each other is in a block once', () => {
  const by = (n: number): LogRecord => [
    Kept.commit,
    1,
    [1, 1, 1, 'a process of some name', 'set', n, true, [['n', n]]],
  ]
  const one = encodeRecords([by(1)]).length
  const hundred = encodeRecords(Array.from({ length: 100 }, (_, n) => by(n))).length
  assert.ok(hundred < 100 * (one - 'a process of some name'.length), `${hundred} bytes; one takes ${one}`)
})

test('a commit that names no maker, and has none before it in its block, is refused', () => {
  assert.throws(() => decodeRecords(encode([[Kept.commit, 1, [1, true, []]]])), TypeError)
})

test('a log of format version 1 is read, and is of this version from then on', async () => {
  const disk = new SimulatedDisk()
  const options = { durability: 'commit' as const, segmentBytes: 4096 }
  const records: LogRecord[] = [
    [Kept.namespace, 1, 'default', 0],
    [Kept.commit, 1, [1, 1, 1, 'one', 'set', 1, false, [['n', 1]]]],
    [Kept.commit, 1, [2, 1, 2, 'two', 'set', 2, false, [['n', 2]]]],
  ]
  const { manifest, tail } = await openLog(disk, { log: 'test', ...options }, { snapshot() {}, block() {} })
  const events = { passed() {}, failed() {}, closed() {} }
  const journal = new Journal(disk, manifest, tail, options, events)
  for (const record of records) journal.add(record, 100)
  await journal.close()
  await writeManifest(disk, { ...(await manifestOf(disk)), version: 1 })
  const found: LogRecord[] = []
  const block = (_: number, records: LogRecord[]) => found.push(...records)
  await openLog(disk, { log: 'test', ...options }, { snapshot() {}, block })
  assert.deepEqual(found, records)
  assert.equal((await manifestOf(disk)).version, VERSION)
  await writeManifest(disk, { ...(await manifestOf(disk)), version: VERSION + 1 })
  await assert.rejects(manifestOf(disk), {
    code: 'ZPROC_STORAGE',
    message: new RegExp(`version ${VERSION + 1}`),
  })
})
