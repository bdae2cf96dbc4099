import type { Disk } from './disk.ts'
import { manifestOf, salvage, writeLog } from './rebuild.ts'
import { verify } from './verify.ts'

export interface Repaired {
  damage: string[]
  /** The identity of the new log, and how many commits it stands for. */
  log: string
  commits: number
  /** What the damaged files are called now, behind their names. */
  old: string
}

/**
 * Makes another log of what can be read of a damaged one, in its folder; the damaged files stay, under other names. undefined:
 * it is whole.
 */
export async function repair(disk: Disk): Promise<Repaired | undefined> {
  const { damage } = await verify(disk)
  if (damage.length === 0) return undefined
  const manifest = await manifestOf(disk)
  const files = [...manifest.segments, ...manifest.snapshots].map(({ file }) => file)
  const rebuilt = await salvage(disk, manifest)
  const number = 1 + Math.max(...files.map(file => Number.parseInt(file, 10)))
  const log = await writeLog(disk, rebuilt, number)
  const there = await disk.list()
  const old = `.damaged-${manifest.log}`
  for (const file of files) if (there.includes(file)) await disk.rename(file, file + old)
  await disk.sync()
  return { damage, log, commits: rebuilt.commits, old }
}
