import { StorageError } from '../errors.ts'
import type { Disk } from './disk.ts'

/** The error of a log that is not as zproc left it: it names the file, the offset and the command that helps. */
export const damaged = (disk: Disk, file: string, offset: number, why: string): StorageError =>
  new StorageError(
    `the log in ${disk.path} is damaged: ${file}, offset ${offset}: ${why}. The server does not start on it. \`npx zproc log verify --data ${disk.path}\` lists all damage; restore a backup, or keep what is readable with \`npx zproc log repair --data ${disk.path}\``,
  )

/** The content of a file that the manifest names, or `length` bytes of it from offset `at` on. */
export async function readNamed(
  disk: Disk,
  { file, size }: { file: string; size: number },
  at?: number,
  length?: number,
): Promise<Buffer> {
  const bytes = await disk.read(file, at, length).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? damaged(disk, file, 0, 'the file is missing') : error
  })
  if (bytes.length !== (length ?? size))
    throw damaged(disk, file, (at ?? 0) + bytes.length, `the file was cut: it had ${size} bytes`)
  return bytes
}
