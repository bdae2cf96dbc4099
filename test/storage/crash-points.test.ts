// One scenario on a simulated disk (segments that are made, filled and left, checkpoints, trimming, a backup, a restore), in
// which the power goes before each of its operations in turn. After each the log holds all that had passed and nothing that
// was never written. VARIANTS=n sets how many outcomes of each power cut are tried, SEED=n the first seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backup } from '../../src/storage/backup.ts'
import { adopt } from '../../src/storage/checkpoint.ts'
import { Journal } from '../../src/storage/journal.ts'
import { openLog } from '../../src/storage/log.ts'
import { readManifest } from '../../src/storage/manifest.ts'
import type { ManifestOwner } from '../../src/storage/manifest-owner.ts'
import { manifestOf, rebuild, replayWhole, writeLog } from '../../src/storage/rebuild.ts'
import { Kept } from '../../src/storage/records.ts'
import { Replay } from '../../src/storage/replay.ts'
import { writeSnapshot } from '../../src/storage/snapshot.ts'
import { verify } from '../../src/storage/verify.ts'
import { ABSENT, type Commit, change } from '../../src/store/commit.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { type Random, random } from '../history/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const VARIANTS = Number(process.env.VARIANTS ?? 2)
const SEED = Number(process.env.SEED ?? 1)
const segmentBytes = 2048
const COMMITS = 60

/** What is known to be in the log: the newest commit that was added, and the newest that had passed. */
interface Known {
  added: number
  passed: number
}

const replayed = () => new Replay((name, revision) => new Namespace(name, 1, { revision }))

const author = { session: 1, state: 1, pid: 1, name: 'test' }
const commit = (n: number): Commit => ({
  author,
  method: 'set',
  time: n,
  identical: false,
  changes: [change('n', n - 1, n), change(`k${n % 7}`, ABSENT, 'x'.repeat(n % 90))],
})

/** Opens the log and checks it; gives what is needed to write on. */
async function open(disk: SimulatedDisk, known: Known) {
  const replay = replayed()
  const { manifest, tail } = await openLog(
    disk,
    { log: 'test', segmentBytes },
    {
      snapshot: replay.apply,
      block: (_, payload) => replay.read(payload),
    },
  )
  const n = checkState(replay, known)
  return { manifest, tail, replay, n }
}

/** The state is that of some commit between the newest that had passed and the newest that was added. */
function checkState(replay: Replay, { added, passed }: Known): number {
  const space = replay.spaces.get(1)
  const n = (space?.values.get('n') as number | undefined) ?? 0
  assert.ok(n >= passed && n <= added, `commit ${n} is the newest; ${passed} had passed, ${added} were added`)
  assert.equal(space?.revision ?? 0, n)
  for (let key = 0; key < 7; key++) {
    const last = n - ((n - key) % 7)
    if (last > 0 && last <= n) assert.equal(space?.values.get(`k${key}`), 'x'.repeat(last % 90))
  }
  return n
}

/** Writes commits, makes checkpoints and trims, until the power goes. */
async function scenario(disk: SimulatedDisk, known: Known): Promise<void> {
  const { manifest, tail, n: first } = await open(disk, known)
  const endOf = new Map<number, number>()
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
  if (first === 0) journal.add([Kept.namespace, 1, 'default', 0])
  for (let n = first + 1; n <= COMMITS; n++) {
    known.added = Math.max(known.added, n)
    journal.commit(1, commit(n))
    endOf.set(journal.newest, n)
    // Some are written by themselves, others together.
    if (n % 3 !== 0) await journal.sync()
    if (n % 15 === 0) await checkpoint(disk, manifest, journal)
  }
  await journal.close()
}

async function checkpoint(disk: SimulatedDisk, manifest: ManifestOwner, journal: Journal): Promise<void> {
  await journal.sync()
  const { replay, commits } = await replayWhole(disk, manifest.now)
  const place = { ...journal.position, commits, time: replay.time }
  const snapshot = await writeSnapshot(disk, manifest.newFile('snapshot'), place, replay.records())
  await adopt(disk, manifest, snapshot, { revisions: 20 })
}

/** Runs `act` until it ends or the power goes; false: it went. */
async function survives(disks: SimulatedDisk[], act: Promise<unknown>): Promise<boolean> {
  let over = false
  const done = act.finally(() => {
    over = true
  })
  done.catch(() => {})
  while (!over && !disks.some(disk => disk.isOff)) await new Promise(setImmediate)
  if (over) await done
  return over
}

/** How many operations something takes on a disk whose power does not go. */
async function operationsOf(disk: SimulatedDisk, act: () => Promise<unknown>): Promise<number> {
  const plenty = 1_000_000
  disk.operations = plenty
  await act()
  return plenty - disk.operations
}

const each = (operations: number, variant: number): Random => random(SEED, operations, variant)

test('the power goes before each operation of a log that is written, filled, checkpointed and trimmed', async t => {
  const whole = new SimulatedDisk()
  const operations = await operationsOf(whole, () => scenario(whole, { added: 0, passed: 0 }))
  const { snapshots, segments } = (await readManifest(whole))!
  // It did roll and trim.
  assert.ok(snapshots.length > 2 && !segments.some(({ file }) => file.startsWith('0000000001')))
  t.diagnostic(`${operations} operations`)
  for (let at = 0; at < operations; at++)
    for (let variant = 0; variant < VARIANTS; variant++) {
      const known = { added: 0, passed: 0 }
      const disk = new SimulatedDisk(undefined, at)
      assert.equal(await survives([disk], scenario(disk, known)), false)
      const after = disk.afterPowerCut(each(at, variant))
      try {
        // It goes on from there to the end, and nothing of it is damaged.
        await scenario(after, known)
        const { damage } = await verify(after)
        assert.deepEqual(damage, [])
        assert.equal((await open(after, known)).n, COMMITS)
      } catch (error) {
        throw new Error(`operation ${at}, seed ${SEED}, variant ${variant}: ${(error as Error).message}`, {
          cause: error,
        })
      }
    }
})

test('the power goes before each operation of a backup and a restore: there is a whole log, or none', async t => {
  const source = new SimulatedDisk()
  const known = { added: 0, passed: 0 }
  await scenario(source, known)
  const make = async (to: SimulatedDisk, restored: SimulatedDisk) => {
    await backup(source, to)
    const rebuilt = await rebuild(to, await manifestOf(to), { namespace: 'default', revision: 50 })
    await writeLog(restored, rebuilt, 1, segmentBytes)
  }
  const [to, restored] = [new SimulatedDisk(), new SimulatedDisk()]
  const count = await operationsOf(to, () => make(to, restored))
  t.diagnostic(`${count} operations of the backup's disk`)
  assert.deepEqual((await verify(restored)).damage, [])
  for (let at = 0; at < count; at++) {
    const target = new SimulatedDisk(undefined, at)
    const done = await survives([target], make(target, new SimulatedDisk()))
    if (done) continue
    await wholeOrNone(target.afterPowerCut(each(at, 0)), COMMITS, at)
  }
  const rebuilt = await rebuild(to, await manifestOf(to), { namespace: 'default', revision: 50 })
  const another = new SimulatedDisk()
  const writes = await operationsOf(another, () => writeLog(another, rebuilt, 1, segmentBytes))
  for (let at = 0; at < writes; at++) {
    const target = new SimulatedDisk(undefined, at)
    assert.equal(await survives([target], writeLog(target, rebuilt, 1, segmentBytes)), false)
    await wholeOrNone(target.afterPowerCut(each(at, 1)), 50, at)
  }
})

async function wholeOrNone(disk: SimulatedDisk, n: number, at: number): Promise<void> {
  if (!(await disk.list()).includes('manifest')) return
  const { replay, damage } = await replayWhole(disk, await manifestOf(disk))
  assert.equal(damage, undefined, `operation ${at}`)
  assert.equal(checkState(replay, { added: n, passed: n }), n)
}
