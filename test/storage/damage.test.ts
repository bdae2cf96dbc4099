// A log that was damaged after it was written is refused by name, or read exactly: never wrong, never shorter in silence.
// DAMAGES=n sets how many, LOG_BYTES=n how large the log is, SEED=n the first seed.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { StorageError } from '../../src/errors.ts'
import { adopt } from '../../src/storage/checkpoint.ts'
import { Journal } from '../../src/storage/journal.ts'
import { openLog } from '../../src/storage/log.ts'
import { decodeRecords } from '../../src/storage/record-reader.ts'
import { Kept } from '../../src/storage/records.ts'
import { writeSnapshot } from '../../src/storage/snapshot.ts'
import { type Random, random } from '../history/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const DAMAGES = Number(process.env.DAMAGES ?? 3000)
const LOG_BYTES = Number(process.env.LOG_BYTES ?? 100_000)
const SEED = Number(process.env.SEED ?? 1)
const segmentBytes = 16_384

const ignored = { snapshot() {}, block() {} }
const disk = new SimulatedDisk()
const records: number[] = []

before(async () => {
  const choices = random(SEED)
  const { manifest, tail } = await openLog(disk, { log: 'test', segmentBytes }, ignored)
  const events = { passed() {}, failed() {}, closed() {} }
  const journal = new Journal(disk, manifest, tail, { durability: 'commit', segmentBytes }, events)
  for (let bytes = 0, id = 0; bytes < LOG_BYTES; ) {
    const padding = Buffer.alloc(choices.below(3000), choices.below(2))
    journal.add([Kept.session, ++id, padding])
    records.push(id)
    bytes += padding.length
    if (choices.chance(0.7)) await journal.sync()
    if (id === 15 || id === 25) {
      await journal.sync()
      const file = manifest.newFile('snapshot')
      await adopt(
        disk,
        manifest,
        await writeSnapshot(disk, file, { ...journal.position, commits: 0, time: 0 }, [[...records]]),
      )
    }
  }
  await journal.close()
})

async function recordsOf(disk: SimulatedDisk): Promise<{ found: number[]; repaired: string | undefined }> {
  const found: number[] = []
  const { repaired } = await openLog(
    disk,
    { log: 'test', segmentBytes },
    {
      snapshot: record => void found.push(...(record as number[])),
      block: (_, payload) => found.push(...decodeRecords(payload).map(([, id]) => id as number)),
    },
  )
  return { found, repaired }
}

const damages: Record<string, (disk: SimulatedDisk, file: string, random: Random) => void> = {
  'a bit flipped': (disk, file, random) => {
    const content = disk.content(file)
    content[random.below(content.length)]! ^= 1 << random.below(8)
  },
  'a byte changed': (disk, file, random) => {
    const content = disk.content(file)
    content[random.below(content.length)]! ^= 1 + random.below(255)
  },
  'a file cut short': (disk, file, random) => disk.truncate(file, random.below(disk.content(file).length)),
  'a file removed': (disk, file) => disk.drop(file),
}

for (const [name, damage] of Object.entries(damages)) {
  test(`with ${name} a log is refused by name, or read exactly`, async () => {
    const files = await disk.list()
    assert.deepEqual((await recordsOf(disk.copy())).found, records)
    let refused = 0
    const rounds = name === 'a file removed' ? files.length : Math.ceil(DAMAGES / 3)
    for (let round = 0; round < rounds; round++) {
      const choices = random(SEED, round)
      const damaged = disk.copy()
      const file = name === 'a file removed' ? files[round]! : choices.pick(files)
      damage(damaged, file, choices)
      try {
        const { found } = await recordsOf(damaged)
        assert.deepEqual(found, records, `${name}, seed ${SEED}, round ${round}: ${file} was read wrongly`)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        assert.match(error.message, new RegExp(`${file}|manifest|is damaged: \\d+\\.`))
        refused++
      }
    }
    assert.ok(refused > 0, 'none was refused')
  })
}
