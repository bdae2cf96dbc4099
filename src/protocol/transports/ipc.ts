import { isAbsolute, resolve } from 'node:path'
import type { Transport } from './transport.ts'

// What the system allows, 107 or 103, without what the names beside it add: see lifeline/path-lock.ts.
export const MAX_PATH_BYTES = process.platform === 'darwin' ? 96 : 100

const RANDOM = /zproc-(\d+\/)?\d+-[0-9a-f]{12}(\.sock)?$/

/** `ipc://<path>`: a socket's file, on Windows a named pipe. */
export const ipc: Transport<{ path: string }> = {
  form: '"ipc://<path>"',
  parse(address, call) {
    const path = address.slice('ipc://'.length)
    if (path === '') throw new TypeError(`${call}: "${address}" lacks a path; use "ipc://<path>"`)
    const local = { isLocal: true, endsWithPeer: true, isRandom: RANDOM.test(path), picks: false }
    if (process.platform === 'win32') {
      const pipe = path.startsWith('\\\\') ? path : `\\\\.\\pipe\\${path}`
      return { ...local, address: `ipc://${path.replace(/^\\\\\.\\pipe\\/, '')}`, where: { path: pipe } }
    }
    const file = isAbsolute(path) ? path : resolve(path)
    if (Buffer.byteLength(file) > MAX_PATH_BYTES)
      throw new RangeError(
        `${call}: the path in "${address}" is over ${MAX_PATH_BYTES} bytes (${file}), longer than a socket's path may be`,
      )
    return { ...local, address: `ipc://${file}`, where: { path: file }, file }
  },
}
