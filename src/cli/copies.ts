import { StorageError } from '../errors.ts'
import type { Until } from '../storage/rebuild.ts'
import { backupHelp, restoreHelp } from './help.ts'
import { options } from './options.ts'
import { folder, noMore, parse, timeOf, wholeNumber, wrong } from './parse.ts'

/** `zproc backup`: of a folder that a server may have open. */
export async function backup(args: string[]): Promise<void> {
  const { values, positionals } = parse('backup', args, options.backup)
  if (values.help) return console.log(backupHelp)
  noMore('backup', positionals)
  const data = folder('backup', 'data', values.data)
  const to = folder('backup', 'to', values.to)
  const { openExisting, openFolder } = await import('../storage/disk.ts')
  const copy = await import('../storage/backup.ts')
  const { log, segments, snapshots } = await copy.backup(await openExisting(data), await openFolder(to))
  console.log(`log ${log} was copied to ${to}: ${segments.length} segments, ${snapshots.length} snapshots`)
}

/** `zproc restore`: makes a log of a backup, or of a folder that no server has open. */
export async function restore(args: string[]): Promise<void> {
  const { values, positionals } = parse('restore', args, options.restore)
  if (values.help) return console.log(restoreHelp)
  noMore('restore', positionals)
  const data = folder('restore', 'data', values.data)
  const to = folder('restore', 'to', values.to)
  const until = pointOf(values)
  const { openExisting, openFolder } = await import('../storage/disk.ts')
  const { lockFolder } = await import('../server/folder-lock.ts')
  const { manifestOf, rebuild, writeLog } = await import('../storage/rebuild.ts')
  const from = await openExisting(data)
  const unlock = await lockFolder(data)
  try {
    const rebuilt = await rebuild(from, await manifestOf(from), until)
    const target = await openFolder(to)
    if ((await target.list()).length > 0) throw new StorageError(`the folder ${to} is not empty`)
    const log = await writeLog(target, rebuilt)
    console.log(`log ${log} in ${to} begins with ${rebuilt.commits} commits of ${data}`)
  } finally {
    unlock()
  }
}

function pointOf({ revision, namespace, time }: { [name: string]: string | boolean | undefined }): Until {
  if (revision !== undefined && time !== undefined) throw wrong('restore', '--revision or --time, not both')
  if (typeof revision === 'string')
    return {
      namespace: typeof namespace === 'string' ? namespace : 'default',
      revision: wholeNumber('restore', 'revision', revision, 0),
    }
  if (namespace !== undefined) throw wrong('restore', '--namespace says of which log --revision is')
  if (typeof time !== 'string') return undefined
  const at = /^\d+$/.test(time) ? Number(time) : timeOf(time)
  if (at === undefined)
    throw wrong(
      'restore',
      `--time must be like 2026-01-31T12:00:00Z, or milliseconds since 1970, got '${time}'`,
    )
  return { time: at }
}
