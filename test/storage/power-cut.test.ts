// A log on a disk that loses power at any moment, and whose process is killed at any moment: afterwards it holds all that had
// passed or was read by a later process, and nothing else than was added. POWER_CUTS=n sets the number of cuts, SEED=n the
// first seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adopt } from '../../src/storage/checkpoint.ts'
import { Journal } from '../../src/storage/journal.ts'
import { openLog } from '../../src/storage/log.ts'
import { decodeRecords } from '../../src/storage/record-reader.ts'
import { Kept } from '../../src/storage/records.ts'
import type { Position } from '../../src/storage/segment.ts'
import { writeSnapshot } from '../../src/storage/snapshot.ts'
import { type Random, random } from '../history/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const CUTS = Number(process.env.POWER_CUTS ?? 20_000)
const SEED = Number(process.env.SEED ?? 1)
const segmentBytes = 4096

/** What the user of a log knows: the records in order, and how many of them have passed. */
interface Known {
  records: number[]
  passed: number
}

/** Uses the log until the power goes, or `rounds` are over. */
async function use(disk: SimulatedDisk, random: Random, known: Known, rounds: number): Promise<void> {
  const found: number[] = []
  const { manifest, tail } = await openLog(
    disk,
    { log: 'test', segmentBytes },
    {
      snapshot: record => void found.push(...(record as number[])),
      block: (_, payload) => found.push(...decodeRecords(payload).map(([, id]) => id as number)),
    },
  )
  assert.ok(found.length >= known.passed, `${found.length} records are left; ${known.passed} had passed`)
  assert.deepEqual(found, known.records.slice(0, found.length))
  known.records = found
  known.passed = found.length
  const endOf = new Map<number, number>()
  let position: Position = tail
  const journal = new Journal(
    disk,
    manifest,
    tail,
    { durability: 'commit', segmentBytes },
    {
      passed: sequence => {
        known.passed = endOf.get(sequence) ?? known.passed
      },
      failed: error => {
        throw error
      },
      closed: () => {},
    },
  )
  let id = (known.records[known.records.length - 1] ?? 0) + random.below(100)
  for (let round = 0; round < rounds && !disk.isOff; round++) {
    for (let n = random.below(4); n >= 0; n--) {
      const padding = Buffer.alloc(random.below(random.chance(0.05) ? 9000 : 300), random.below(3))
      journal.reserve(padding.length)
      journal.add([Kept.session, ++id, padding])
      known.records.push(id)
      endOf.set(journal.newest, known.records.length)
    }
    journal.flush()
    if (random.chance(0.7)) await untilOff(disk, journal.sync())
    else await null
    if (!disk.isOff && random.chance(0.1)) {
      await untilOff(disk, journal.sync())
      position = journal.position
      const records = known.records.slice(0, endOf.get(position.sequence) ?? known.records.length)
      const place = { ...position, commits: 0, time: 0 }
      const made = writeSnapshot(disk, manifest.newFile('snapshot'), place, chunked(records))
      await untilOff(
        disk,
        made.then(snapshot => adopt(disk, manifest, snapshot)),
      )
    }
  }
  if (!disk.isOff) await untilOff(disk, journal.close())
}

function* chunked(records: number[]): Generator<number[]> {
  for (let i = 0; i < records.length; i += 7) yield records.slice(i, i + 7)
}

/** Resolves when `done` does, or when the power is gone. */
async function untilOff(disk: SimulatedDisk, done: Promise<unknown>): Promise<void> {
  let over = false
  const finished = done.finally(() => {
    over = true
  })
  finished.catch(() => {})
  while (!over && !disk.isOff) await new Promise(setImmediate)
  if (over) await finished
}

/** A disk's life of some power cuts, and some kills between them. */
async function life(seed: number, cuts: number): Promise<void> {
  const choices = random(seed)
  const known: Known = { records: [], passed: 0 }
  let disk = new SimulatedDisk()
  for (let cut = 0; cut < cuts; ) {
    disk.operations = 1 + choices.below(choices.chance(0.3) ? 30 : 300)
    const done = use(disk, choices, known, 40)
    await untilOff(disk, done).catch(error => {
      throw new Error(`seed ${seed}, before power cut ${cut}: ${error.message}`, { cause: error })
    })
    if (choices.chance(0.2)) disk = disk.afterKill()
    else {
      disk = disk.afterPowerCut(choices)
      cut++
    }
  }
  await use(disk, choices, known, 0)
}

test(`after each of ${CUTS} power cuts the log holds all that had passed and nothing else than was added`, async () => {
  const cuts = 20
  for (let i = 0; i < CUTS / cuts; i++) await life(SEED + i, cuts)
})
