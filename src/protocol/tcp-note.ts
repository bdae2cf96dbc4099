import { readdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { privateDirectories, privateDirectory } from './private-directory.ts'
import { isLoopback, tcp } from './transports/tcp.ts'

// A server at tcp has no socket file beside which its watchdog could write what it hangs in. The file is in the directory that only
// this user can enter, and named by port, host and process: `tcp-5000-127.0.0.1-4711.hung`.
const FORM = /^tcp-(\d+)-(.+)-(\d+)\.hung$/
const ANY_HOST = new Set(['0.0.0.0', '::'])
// No file system has longer names than this would be.
const LONGEST = 4096

/** The file in which the watchdog of a server at `address` says what that hangs in; undefined: it is not at tcp. */
export function tcpNoteFile(address: string, pid: number): string | undefined {
  if (!address.startsWith('tcp://')) return undefined
  const { host, port } = tcp.parse(address, 'startServer').where
  try {
    return join(privateDirectory(LONGEST, 0), `tcp-${port}-${host.replaceAll(':', '_')}-${pid}.hung`)
  } catch {
    // There is no such directory: nothing is written.
    return undefined
  }
}

/** The files of servers of this user that a client of `address` may mean; none where it means another machine. */
export function tcpNoteFiles(address: string): string[] {
  if (!address.startsWith('tcp://')) return []
  const { host, port } = tcp.parse(address, 'connect').where
  if (!isHere(host)) return []
  return privateDirectories().flatMap(directory =>
    readdirSync(directory)
      .filter(file => {
        const [, itsPort, itsHost = ''] = FORM.exec(file) ?? []
        return Number(itsPort) === port && leadsTo(host, itsHost.replaceAll('_', ':'))
      })
      .map(file => join(directory, file)),
  )
}

/** Whether a host is this machine. */
function isHere(host: string): boolean {
  if (isLoopback(host) || ANY_HOST.has(host)) return true
  return Object.values(networkInterfaces()).some(all => all?.some(({ address }) => address === host))
}

/** Whether who connects to `host` gets to a server that listens at `listening`. */
const leadsTo = (host: string, listening: string): boolean =>
  listening === host ||
  ANY_HOST.has(listening) ||
  ANY_HOST.has(host) ||
  (isIP(host) === 0 && isLoopback(listening))
