import { StorageError } from '../errors.ts'
import type { Disk } from './disk.ts'

const places = new WeakMap<object, string>()

/** The error of a log that is not as zproc left it: it names the file, the offset and the command that helps. */
export function damaged(disk: Disk, file: string, offset: number, why: string): StorageError {
  const place = `${file}, offset ${offset}: ${why}`
  const error = new StorageError(
    `the log in ${disk.path} is damaged: ${place}. The server does not start on it. \`npx zproc log verify --data ${disk.path}\` lists all damage; restore a backup, or keep what is readable with \`npx zproc log repair --data ${disk.path}\``,
  )
  places.set(error, place)
  return error
}

/** Where the damage is, and what it is, in short; undefined: the error is another one. */
export const damageOf = (error: unknown): string | undefined => places.get(error as object)

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
