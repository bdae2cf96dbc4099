// What a block holds: records, of which commits say once who made them. RUNS=n sets how many lists are tried.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode, encode } from '../../src/protocol/frames.ts'
import { toWire } from '../../src/protocol/values.ts'
import { HEADER } from '../../src/storage/blocks.ts'
import { Journal } from '../../src/storage/journal.ts'
import { openLog } from '../../src/storage/log.ts'
import { VERSION, writeManifest } from '../../src/storage/manifest.ts'
import { manifestOf } from '../../src/storage/rebuild.ts'
import { decodeRecords } from '../../src/storage/record-reader.ts'
import { type Payload, RecordWriter } from '../../src/storage/record-writer.ts'
import { Kept, type KeptAuthor, type LogRecord, type OtherRecord } from '../../src/storage/records.ts'
import { ABSENT, type Author, type Change, type Commit, change, wireCommit } from '../../src/store/commit.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const numRuns = Number(process.env.RUNS ?? 1000)

const authors: Author[] = [1, 2, 3].map(n => ({
  session: n,
  state: 2 - (n % 2),
  pid: 100 + n,
  // Also one that is long, and one that is not ASCII.
  name: ['one', 'two'.repeat(40), 'trois é'][n - 1] as string,
}))
const value = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.nat(2 ** 32),
  fc.string({ unit: 'binary' }),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.array(fc.integer()).map(list => toWire(list, 'test', 'value')),
)
const key = fc.string({ unit: 'grapheme', maxLength: 50 })
const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(key, value).map(([key, value]) => change(key, ABSENT, value)) },
    key.map(key => change(key, 1, ABSENT)),
    key.map(key => change(key, 1, 2, [['put', ['a'], 3]], [['remove', ['a']]])),
    fc.constant<Change>({ key: null, before: new Map() }),
  ),
  { maxLength: 3 },
)
// Few of each: neighbours are often alike, or alike but for one part.
const commit: fc.Arbitrary<Commit> = fc.record({
  author: fc.constantFrom(...authors),
  method: fc.constantFrom('set', 'atomic'),
  time: fc.integer({ min: 0, max: 2 ** 42 }),
  identical: fc.boolean(),
  changes,
})
interface Made {
  commit: Commit
  number: number
  leases: OtherRecord[]
  answer: [id: number, result: string | undefined] | undefined
}
const made: fc.Arbitrary<Made> = fc.record({
  commit,
  number: fc.nat(2 ** 33),
  leases: fc.array(
    fc.tuple(
      fc.constant(Kept.lease),
      fc.nat(),
      key,
      fc.constant<KeptAuthor>([1, 1, 1, 'one']),
      fc.boolean(),
      fc.constant(null),
    ),
    { maxLength: 2 },
  ),
  answer: fc.option(fc.tuple(fc.nat(2 ** 40), fc.option(fc.string(), { nil: undefined })), {
    nil: undefined,
  }),
})
const other: fc.Arbitrary<OtherRecord> = fc.oneof(
  fc.tuple(fc.constant(Kept.ended), fc.nat()),
  fc.tuple(fc.constant(Kept.namespace), fc.nat(), fc.string(), fc.nat()),
)

function write(writer: RecordWriter, item: Made | OtherRecord): LogRecord[] {
  if (Array.isArray(item)) {
    writer.add(item)
    return [item]
  }
  const { commit, number, leases, answer } = item
  writer.commit(number, commit)
  for (const lease of leases) writer.add(lease)
  const record: LogRecord = [Kept.commit, number, wireCommit(commit)]
  if (answer) {
    writer.answer(...answer)
    record[3] = answer[0]
    if (answer[1] !== undefined) record[4] = answer[1]
  }
  return [record, ...leases]
}

const payloadOf = ({ room, length }: Payload): Uint8Array => room.subarray(HEADER, HEADER + length)

test('a block gives back the records that were written into it', () => {
  const writer = new RecordWriter()
  let before: { payload: Uint8Array; records: LogRecord[] } | undefined
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 4, arbitrary: made }, other), { maxLength: 30 }), items => {
      const records = items.flatMap(item => write(writer, item))
      assert.equal(writer.isEmpty, records.length === 0)
      // What is taken stays while the next is written.
      if (before) assert.deepEqual(decodeRecords(before.payload), before.records)
      const { length } = writer
      before = { payload: payloadOf(writer.take()), records: decode(encode(records)) as LogRecord[] }
      assert.equal(before.payload.length, length)
      assert.deepEqual(decodeRecords(before.payload), before.records)
      // Version 1 of the format spelled out every commit.
      assert.deepEqual(decodeRecords(encode(records)), before.records)
    }),
    { numRuns },
  )
})

test('who made commits that follow each other is in a block once', () => {
  const written = (count: number) => {
    const writer = new RecordWriter()
    for (let n = 0; n < count; n++)
      writer.commit(1, {
        author: authors[1] as Author,
        method: 'set',
        time: n,
        identical: true,
        changes: [change('n', 0, n)],
      })
    return writer.length
  }
  assert.ok(written(101) - written(1) < 100 * 30, `${written(101)} bytes, ${written(1)} for one`)
})

test('a commit that was taken gets no answer any more', () => {
  const writer = new RecordWriter()
  writer.commit(1, { author: authors[0] as Author, method: 'set', time: 1, identical: true, changes: [] })
  writer.take()
  assert.throws(() => writer.answer(1, undefined), /before its answer/)
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
  journal.add([Kept.namespace, 1, 'default', 0])
  // By different States: each is spelled out.
  for (const n of [1, 2])
    journal.commit(1, {
      author: { session: n, state: 1, pid: n, name: n === 1 ? 'one' : 'two' },
      method: 'set',
      time: n,
      identical: false,
      changes: [change('n', n - 1, n)],
    })
  await journal.close()
  await writeManifest(disk, { ...(await manifestOf(disk)), version: 1 })
  const found: LogRecord[] = []
  const block = (_: number, payload: Uint8Array) => found.push(...decodeRecords(payload))
  await openLog(disk, { log: 'test', ...options }, { snapshot() {}, block })
  assert.deepEqual(found, records)
  assert.equal((await manifestOf(disk)).version, VERSION)
  await writeManifest(disk, { ...(await manifestOf(disk)), version: VERSION + 1 })
  await assert.rejects(manifestOf(disk), {
    code: 'ZPROC_STORAGE',
    message: new RegExp(`version ${VERSION + 1}`),
  })
})
