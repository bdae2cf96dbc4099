import { cancel, every, type Timer } from '../async/interval.ts'
import { checkHome } from '../engines/engines.ts'
import { TimeoutError } from '../errors.ts'
import { type Note, noteOf, readNote } from '../lifeline/hung-note.ts'
import { socketPath } from '../protocol/address.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { type HungServer, hangs, hungIn } from '../protocol/hung.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import type { ClientMessage } from '../protocol/messages.ts'
import { readOptions } from '../protocol/options.ts'
import { tcpNoteFiles } from '../protocol/tcp-note.ts'
import { result } from '../store/store.ts'
import { type DescribeServerOptions, describeFields } from './options.ts'
import { answerWithin } from './ping.ts'
import { useStore } from './use-store.ts'

// Milliseconds, and items of a list, where no others are given.
const TIMEOUT = 5000
const LIMIT = 100
// From one look for the note of a server that hangs to the next.
const EVERY = 250

/**
 * Asks the server at `address` what it is doing: its namespaces, clients, readers, locks and functions. No keys of a state, no
 * values and no secrets are in the answer.
 *
 *     const { server, sessions, locks } = await describeServer('tcp://127.0.0.1:5000')
 *
 * Rejects with `ZPROC_TIMEOUT` after `timeout` milliseconds, or before when a server of this user on this machine is known to hang,
 * with a message that says in which function; `ZPROC_CONNECTION` when nothing answers, `ZPROC_AUTHENTICATION`
 * when the keys differ. Of a Redis it tells what its keys, INFO and CLIENT LIST tell, and in `unknown` what they do not.
 */
export async function describeServer(
  address: string,
  given: DescribeServerOptions = {},
): Promise<ServerDescription> {
  const call = 'describeServer'
  const { secretKey, timeout = TIMEOUT, limit = LIMIT } = readOptions(describeFields, given, call)
  const home = checkHome(address, secretKey, call)
  const store = useStore(home, { secretKey })
  const message: ClientMessage = [Ask.describe, 0, limit]
  const hanging = untilHanging(home, call)
  try {
    return await answerWithin<ServerDescription>(store, message, result, timeout, call, hanging.promise)
  } finally {
    hanging.end()
    store.release()
  }
}

/** @internal What the server at an address hangs in; undefined: it does not, or that cannot be seen here. */
export function hungAt(home: string): (HungServer & Pick<Note, 'server' | 'isOwn'>) | undefined {
  const path = socketPath(home)
  const files = path === undefined ? tcpNoteFiles(home) : [noteOf(path)]
  for (const file of files) {
    const note = readNote(file)
    if (note) return { address: home, ...hungIn(note), server: note.server, isOwn: note.isOwn }
  }
  return undefined
}

/** Rejects when the server is known to hang. */
function untilHanging(home: string, call: string): { promise: Promise<never>; end: () => void } {
  let timer: Timer | undefined
  const promise = new Promise<never>((_, reject) => {
    // Not at once: a server that goes on answers before its note is removed.
    timer = every(EVERY, () => {
      const hung = hungAt(home)
      if (hung) reject(new TimeoutError(`${call}: the server at ${home} ${hangs(hung)}`))
    })
  })
  return { promise, end: () => cancel(timer) }
}
