import { closeSync, openSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { StorageError } from '../errors.ts'
import { SocketFile } from '../lifeline/socket-file.ts'

/**
 * Makes this process the owner of a data folder until the function that it returns is called, or the process ends.
 * Throws StorageError with the pid of the process that has it.
 */
export async function lockFolder(data: string): Promise<() => void> {
  const folder = openSync(data, 'r')
  // By its descriptor: the path of a socket is limited to about a hundred bytes, that of a folder is not.
  const path = join(process.platform === 'linux' ? `/proc/self/fd/${folder}` : data, 'lock')
  const server = createServer(socket => void socket.on('error', () => {}).end(String(process.pid)))
  server.unref()
  const file = await SocketFile.bind(server, path, 16)
  if (!file) {
    const owner = await ownerOf(path)
    closeSync(folder)
    throw new StorageError(
      `the data folder ${data} is in use by the server of process ${owner}: stop that one, or give this one another folder`,
    )
  }
  return () => {
    file.remove()
    server.close()
    closeSync(folder)
  }
}

const ownerOf = (path: string): Promise<string> =>
  new Promise(resolve => {
    let said = ''
    connect({ path })
      .setEncoding('utf8')
      .on('data', (text: string) => {
        said += text
      })
      .on('error', () => resolve('(unknown)'))
      .on('close', () => resolve(said || '(unknown)'))
  })
