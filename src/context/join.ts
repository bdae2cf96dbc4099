import { createHash } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConnectionError } from '../errors.ts'
import { currentDirectory } from '../lifeline/directory.ts'
import { knock } from '../lifeline/knock.ts'
import { withPathLock } from '../lifeline/path-lock.ts'
import { namedIpcAddress, parseAddress } from '../protocol/address.ts'
import { describe } from '../protocol/describe.ts'
import { flag, time } from '../protocol/kinds.ts'
import type { OptionsOf } from '../protocol/options.ts'
import type { ServerSettings } from '../server/options.ts'
import { serve } from '../server/start.ts'

export const joinFields = {
  /** true: the name is one of the project that the nearest `package.json` belongs to; false: of the user. Default false. */
  project: flag,
  /** Milliseconds that the server stays when the last of its clients has gone. Default 10,000; `Infinity`: for good. */
  linger: time(),
}

/** Where a server is looked for, and how it is started. */
export interface JoinPlace extends OptionsOf<typeof joinFields> {}

const LINGER = 10_000

/** The address of a name: in the directory of this user alone. */
export function namedAddress(name: unknown, { project = false }: JoinPlace, call: string): string {
  if (typeof name !== 'string' || !/^[\w.-]{1,40}$/.test(name))
    throw new TypeError(`${call}: a name is 1 to 40 letters, digits, '_', '-' and '.', got ${describe(name)}`)
  if (!project) return namedIpcAddress(name)
  const found = projectFolder()
  if (found === undefined)
    throw new TypeError(`${call}: project: true, and there is no package.json in ${resolve('.')} or above it`)
  const hash = createHash('sha256').update(realpathSync(found)).digest('hex').slice(0, 10)
  return namedIpcAddress(`${hash}-${name}`)
}

function projectFolder(): string | undefined {
  for (let folder = currentDirectory() ?? '/'; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return undefined
  }
}

/** Resolves when a server answers at the address: one that is there, or that this process starts. Of many, one starts it. */
export async function ensureServer(
  address: string,
  settings: ServerSettings,
  linger = LINGER,
): Promise<void> {
  const { path } = parseAddress(address, 'Context.join').where as { path: string }
  const start = async () => {
    if (await answers(path)) return
    const server = await serve(address, settings, { linger })
    server.unref()
  }
  for (;;) {
    if (await answers(path)) return
    try {
      // Pipes of Windows have no lock beside them: there each process tries, and one succeeds.
      return await (process.platform === 'win32' ? start() : withPathLock(`${path}+`, start))
    } catch (error) {
      // Another process has been starting it for long, or has started one beside this lock.
      if (!(error instanceof ConnectionError && (await answers(path)))) throw error
    }
  }
}

const answers = async (path: string): Promise<boolean> => (await knock(path)) === 'answered'
