import { constants, write as writeBytes } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { StorageError } from '../errors.ts'

/**
 * The files of one folder, by their plain names: all that the log needs of a file system. What `OpenFile.sync` and
 * `Disk.sync` have not resolved for may be lost, in part or in whole, at a power cut.
 */
export interface Disk {
  readonly path: string
  list(): Promise<string[]>
  /** `length` bytes of a file from offset `at` on, or as many as there are; without them its whole content. */
  read(name: string, at?: number, length?: number): Promise<Buffer>
  /** Opens a file for writing; creates it if it is not there. */
  open(name: string): Promise<OpenFile>
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  /** Makes the names in the folder durable: creations, renames and removals. */
  sync(): Promise<void>
}

export interface OpenFile {
  write(bytes: Uint8Array, at: number): Promise<void>
  /** As `write` and `sync` of these bytes: resolves when they are durable. */
  writeDurably(bytes: Uint8Array, at: number): Promise<void>
  /** Makes what was written durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Opens a file for `act`, and closes it. */
export async function withFile(
  disk: Disk,
  name: string,
  act: (file: OpenFile) => Promise<void>,
): Promise<void> {
  const file = await disk.open(name)
  try {
    await act(file)
  } finally {
    await file.close()
  }
}

/** The folder at `path` of this machine's file system; created if it is not there. */
export async function openFolder(path: string): Promise<Disk> {
  await fs.mkdir(path, { recursive: true, mode: 0o700 })
  return folderAt(path)
}

/** The same of a folder that must be there. */
export async function openExisting(path: string): Promise<Disk> {
  const found = await fs.stat(path).catch(() => undefined)
  if (!found?.isDirectory()) throw new StorageError(`there is no folder ${path}`)
  return folderAt(path)
}

function folderAt(path: string): Disk {
  return {
    path,
    list: () => fs.readdir(path),
    read: (name, at, length) =>
      length === undefined ? fs.readFile(join(path, name)) : readPart(join(path, name), at ?? 0, length),
    open: name => openFile(join(path, name)),
    rename: (from, to) => fs.rename(join(path, from), join(path, to)),
    remove: name => fs.rm(join(path, name), { force: true }),
    sync: async () => {
      // Windows opens no folders; its file systems log their names themselves.
      if (process.platform === 'win32') return
      const folder = await fs.open(path, 'r')
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    },
  }
}

async function readPart(path: string, at: number, length: number): Promise<Buffer> {
  const handle = await fs.open(path, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

// On Linux a write to a file that was opened so is durable when it returns: one call of the system instead of two, each of
// which a thread carries out. macOS leaves such bytes in the drive's cache; there, and on Windows, it takes a sync.
const DURABLE = process.platform === 'linux' ? constants.O_RDWR | constants.O_DSYNC : undefined

async function openFile(path: string): Promise<OpenFile> {
  const handle = await fs.open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  let durable: fs.FileHandle | undefined
  return {
    write: (bytes, at) => writeAll(handle, bytes, at),
    writeDurably: async (bytes, at) => {
      if (DURABLE !== undefined) {
        durable ??= await fs.open(path, DURABLE)
        return writeAll(durable, bytes, at)
      }
      await writeAll(handle, bytes, at)
      await handle.datasync()
    },
    sync: () => handle.datasync(),
    close: async () => {
      try {
        await durable?.close()
      } finally {
        await handle.close()
      }
    },
  }
}

// With a callback: what a FileHandle does besides takes a tenth of the time of a write.
function writeAll({ fd }: fs.FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const write = (from: number) =>
      writeBytes(fd, bytes, from, bytes.length - from, at + from, (error, written) => {
        if (error) reject(error)
        else if (from + written < bytes.length) write(from + written)
        else resolve()
      })
    write(0)
  })
}
