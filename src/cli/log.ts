import { inspect } from 'node:util'
import type { WireChange } from '../protocol/messages.ts'
import { fromWire, type Wire } from '../protocol/values.ts'
import type { Disk } from '../storage/disk.ts'
import { logHelp } from './help.ts'
import { options } from './options.ts'
import { folder, noMore, parse, wholeNumber, wrong } from './parse.ts'

/** `zproc log verify|dump|repair`: of a folder that no server has open. Gives the exit code. */
export async function log(args: string[]): Promise<number> {
  const { values, positionals } = parse('log', args, options.log)
  if (values.help) {
    console.log(logHelp)
    return 0
  }
  const [what, ...others] = positionals
  if (what !== 'verify' && what !== 'dump' && what !== 'repair')
    throw wrong('log', `verify, dump or repair, got ${what === undefined ? 'nothing' : `'${what}'`}`)
  noMore('log', others)
  const data = folder('log', 'data', values.data)
  const range = {
    namespace: values.namespace,
    from: values.from === undefined ? 0 : wholeNumber('log', 'from', values.from, 1),
    to: values.to === undefined ? Infinity : wholeNumber('log', 'to', values.to, 1),
  }
  const { openExisting } = await import('../storage/disk.ts')
  const { lockFolder } = await import('../server/folder-lock.ts')
  const disk = await openExisting(data)
  const unlock = await lockFolder(data)
  try {
    if (what === 'verify') return await verified(disk)
    if (what === 'repair') return await repaired(disk)
    await dump(disk, range)
    return 0
  } finally {
    unlock()
  }
}

async function verified(disk: Disk): Promise<number> {
  const { verify } = await import('../storage/verify.ts')
  const { log, damage, torn, segments, snapshots, blocks, commits } = await verify(disk)
  for (const place of damage) console.log(`damaged: ${place}`)
  for (const place of torn) console.log(`unfinished: ${place}: a server cuts it off when it starts`)
  const size = `${segments} segments, ${snapshots} snapshots, ${blocks} blocks`
  if (damage.length > 0) console.log(`log ${log || '(unknown)'} in ${disk.path} is damaged: ${size}`)
  else console.log(`log ${log} in ${disk.path} is whole: ${size}, ${commits} commits`)
  return damage.length > 0 ? 1 : 0
}

async function repaired(disk: Disk): Promise<number> {
  const { repair } = await import('../storage/repair.ts')
  const done = await repair(disk)
  if (!done) {
    console.log(`the log in ${disk.path} is whole: there is nothing to repair`)
    return 0
  }
  for (const place of done.damage) console.log(`damaged: ${place}`)
  console.log(
    `what could be read is log ${done.log} now, ${done.commits} commits; the old files are in ${done.old}`,
  )
  return 0
}

interface Range {
  namespace: string | undefined
  from: number
  to: number
}

/** One line for each commit: the namespace, its revision, when, who, by which method, and what it changed. */
async function dump(disk: Disk, { namespace, from, to }: Range): Promise<void> {
  const { eachCommit } = await import('../storage/rebuild.ts')
  await eachCommit(disk, (name, revision, commit) => {
    if ((namespace !== undefined && name !== namespace) || revision < from || revision > to) return
    const [, , pid, author, method, time, , changes] = commit
    const who = `${author}[${pid}]`
    const line = [name, revision, new Date(time).toISOString(), who, method, changes.map(said).join('; ')]
    console.log(line.join('\t'))
  })
}

function said(change: WireChange): string {
  if (change.length === 0) return 'clear'
  const key = shown(change[0])
  if (change.length === 1) return `delete ${key}`
  if (change.length === 2) return `${key} = ${shown(fromWire(change[1]))}`
  return `${key}: ${change[2].map(step => step.map(part => shown(fromWire(part as Wire))).join(' ')).join(', ')}`
}

/** On one line. */
const shown = (value: unknown): string =>
  inspect(value, { depth: null, breakLength: Infinity, compact: true, maxArrayLength: null }).replaceAll(
    '\n',
    ' ',
  )
