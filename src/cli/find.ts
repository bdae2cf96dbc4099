import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describeServer, hungAt } from '../client/describe-server.ts'
import { AuthenticationError, TimeoutError } from '../errors.ts'
import { knock } from '../lifeline/knock.ts'
import { removeStale } from '../lifeline/socket-file.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { privateDirectories } from '../protocol/private-directory.ts'

// Milliseconds in which a server says what it is doing.
const PATIENCE = 2000

/** A server of this user. */
export interface Found {
  /** As of `Context.join`; of a project, with a part of the hash of its folder in front; undefined: it has none. */
  name: string | undefined
  address: string
  /** `'running'`; it hangs; it has a key that was not given; it does not say what it is doing. */
  is: 'running' | 'hung' | 'locked' | 'silent'
  pid: number | undefined
  description: ServerDescription | undefined
  /** With which it was asked; undefined: it has none. */
  secretKey: string | undefined
}

/** The servers that listen in the directory that only this user can enter: named ones, and those of Contexts. */
export async function findServers(secretKey: string | undefined): Promise<Found[]> {
  const paths = privateDirectories().flatMap(directory =>
    readdirSync(directory)
      .filter(file => file.endsWith('.sock'))
      .map(file => join(directory, file)),
  )
  const found = await Promise.all(paths.map(path => look(path, secretKey)))
  return found.flatMap(one => one ?? []).sort((a, b) => (a.address < b.address ? -1 : 1))
}

async function look(path: string, secretKey: string | undefined): Promise<Found | undefined> {
  const found = await knock(path)
  // What a server that was killed together with all that would have removed it has left.
  if (found === 'nobody') await removeStale(path).catch(() => {})
  if (found !== 'answered') return undefined
  const address = `ipc://${path}`
  const name = /\/named-([^/]+)\.sock$/.exec(path)?.[1]
  const plain = { name, address, pid: undefined, description: undefined, secretKey }
  try {
    const [description, used] = await ask(address, secretKey)
    return { ...plain, is: 'running', pid: description.server.pid, description, secretKey: used }
  } catch (error) {
    const hung = hungAt(address)
    if (hung) return { ...plain, is: 'hung', pid: hung.server }
    if (error instanceof AuthenticationError) return { ...plain, is: 'locked' }
    // It may have ended since.
    return error instanceof TimeoutError ? { ...plain, is: 'silent' } : undefined
  }
}

/** Those that have no key are asked without one. Also the key that was used. */
async function ask(
  address: string,
  secretKey: string | undefined,
): Promise<[ServerDescription, string | undefined]> {
  try {
    return [await describeServer(address, { timeout: PATIENCE }), undefined]
  } catch (error) {
    if (secretKey === undefined || !(error instanceof AuthenticationError)) throw error
    return [await describeServer(address, { timeout: PATIENCE, secretKey }), secretKey]
  }
}
