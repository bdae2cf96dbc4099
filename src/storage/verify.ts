import { damageOf } from './damage.ts'
import type { Disk } from './disk.ts'
import type { Manifest, SegmentFile, SnapshotFile } from './manifest.ts'
import { manifestOf, replayWhole } from './rebuild.ts'
import { BEGINNING, type Position, readSegment, startOf } from './segment.ts'
import { readSnapshot } from './snapshot.ts'

export interface Report {
  /** The identity of the log; '': there is none that can be read. */
  log: string
  /** All damage, each as `file, offset n: what`. */
  damage: string[]
  /** Writes that a power cut left unfinished: no damage. */
  torn: string[]
  segments: number
  snapshots: number
  blocks: number
  commits: number
}

/** Reads everything of a log that no server has open, and lists all that does not add up. */
export async function verify(disk: Disk): Promise<Report> {
  const report: Report = { log: '', damage: [], torn: [], segments: 0, snapshots: 0, blocks: 0, commits: 0 }
  const look = async (act: () => Promise<unknown>) => {
    try {
      await act()
    } catch (error) {
      report.damage.push(damageOf(error) ?? (error as Error).message)
    }
  }
  await look(async () => {
    const manifest = await manifestOf(disk)
    report.log = manifest.log
    for (const snapshot of manifest.snapshots) {
      report.snapshots++
      await look(() => readSnapshot(disk, snapshot, () => {}))
    }
    const chain = new Chain(disk, manifest, report)
    for (const segment of manifest.segments) await look(() => chain.read(segment))
    if (report.damage.length > 0) return
    // Whole files may still not make up a log.
    const { commits, damage } = await replayWhole(disk, manifest)
    report.commits = commits
    if (damage) throw damage
  })
  return report
}

/** The segments of a log, of which each goes on where the one before ended. */
class Chain {
  readonly #disk: Disk
  readonly #log: string
  readonly #report: Report
  readonly #snapshots: Map<number, SnapshotFile>
  #before: Position | undefined

  constructor(disk: Disk, { log, snapshots }: Manifest, report: Report) {
    this.#disk = disk
    this.#log = log
    this.#report = report
    this.#snapshots = new Map(snapshots.map(snapshot => [snapshot.sequence, snapshot]))
  }

  async read(segment: SegmentFile): Promise<void> {
    const { file } = segment
    this.#report.segments++
    const before = this.#before
    this.#before = undefined
    const begins = await startOf(this.#disk, this.#log, segment)
    const gap =
      before && begins && (before.sequence !== begins.sequence || before.checksum !== begins.checksum)
    if (gap) this.#damage(file, `block ${begins.sequence + 1} does not follow block ${before.sequence}`)
    let position = begins ?? before ?? BEGINNING
    const blocks = readSegment(this.#disk, this.#log, segment, position)
    let found = await blocks.next()
    for (; !found.done; found = await blocks.next()) {
      position = found.value
      this.#report.blocks++
      const snapshot = this.#snapshots.get(position.sequence)
      if (snapshot && snapshot.checksum !== position.checksum)
        this.#damage(snapshot.file, `it was not made at block ${position.sequence} of this log`)
    }
    if (found.value.torn) this.#report.torn.push(`${file}, offset ${found.value.offset}`)
    this.#before = position
  }

  #damage(file: string, why: string): void {
    this.#report.damage.push(`${file}, offset 0: ${why}`)
  }
}
