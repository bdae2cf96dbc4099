import { monotonic, sleep } from '../async/interval.ts'
import { describeServer } from '../client/describe-server.ts'
import { isSilent } from '../client/diagnose-processes.ts'
import { answerWithin } from '../client/ping.ts'
import { useStore } from '../client/use-store.ts'
import { ConnectionError, TimeoutError, ZprocError } from '../errors.ts'
import type { ServerDescription, SessionDescription } from '../protocol/description.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import type { ClientMessage } from '../protocol/messages.ts'
import { result, type Store } from '../store/store.ts'
import { hasEnded, parentOf } from '../transport/machine.ts'
import { killHelp } from './help.ts'
import { options } from './options.ts'
import { noMore, wrong } from './parse.ts'
import { json, safe } from './shown.ts'
import { describeTwice } from './status.ts'
import { asked, mustWrite, targetOf } from './target.ts'

// Milliseconds for an answer, and for a process to end: a Context kills one that has not ended after 5 seconds.
const TIMEOUT = 5000
const ENDING = 10_000
const LIMIT = 1000

/** A process or worker that a Context has, as far as it matters here. */
interface Found {
  session: number
  parent: number
  id: number
  name: string
  pid: number | null
  backend: 'process' | 'thread'
}

/** `zproc kill`: ends a process, or worker, of a Context. */
export async function kill(args: string[]): Promise<number> {
  const given = asked('kill', args, options.kill, killHelp)
  if (!given) return 0
  const { address, secretKey } = targetOf('kill', given)
  const which = given.rest.shift()
  if (which === undefined) throw wrong('kill', 'the name, or the pid, of a process is missing')
  noMore('kill', given.rest)
  mustWrite('kill', given)
  const store = useStore(address, { secretKey })
  try {
    const description = await describeTwice(address, { secretKey, limit: LIMIT })
    const found = theOne(description, which, address)
    await end(found, description, store)
    const look = () => describeServer(address, { secretKey, limit: LIMIT })
    for (const until = monotonic() + ENDING; isThere(await look(), found); await sleep(50))
      if (monotonic() > until) throw new TimeoutError(`${shown(found)} has not ended within ${ENDING} ms`)
    if (given.isJson) console.log(json({ name: found.name, pid: found.pid, ended: true }))
    else console.log(`${shown(found)} has ended`)
    return 0
  } finally {
    store.release()
  }
}

const shown = ({ name, pid }: Found): string => `${safe(name)} (pid ${pid ?? '-'})`

/** Those that have not ended. */
function all({ processes, pools }: ServerDescription): Found[] {
  return [
    ...processes.filter(({ state }) => state !== 'ended'),
    ...pools.flatMap(({ session, parent, workers }) =>
      workers.flatMap(({ id, number, pid, backend }) =>
        id === null || backend === 'elsewhere'
          ? []
          : { session, parent, id, name: `worker ${number}`, pid, backend },
      ),
    ),
  ]
}

function theOne(description: ServerDescription, which: string, address: string): Found {
  const isPid = /^\d+$/.test(which)
  const found = all(description).filter(({ name, pid, backend }) =>
    isPid ? pid === Number(which) && backend === 'process' : name === which,
  )
  const [only, ...others] = found
  if (!only)
    throw new ZprocError(
      `no Context at ${address} has a process ${isPid ? 'with the pid' : 'of the name'} ${safe(which)}: see zproc tree`,
    )
  if (others.length > 0)
    throw new ZprocError(
      `there are ${found.length} processes of the name ${safe(which)}, of which one is to be named by its pid: ${found.map(({ pid }) => pid ?? '-').join(', ')}`,
    )
  return only
}

/** By its Context, which knows that it is meant to end; where that does not answer, by the system. */
async function end(found: Found, description: ServerDescription, store: Store): Promise<void> {
  const owner = ownerOf(found, description)
  if (owner && answers(owner)) {
    const message: ClientMessage = [Ask.end, 0, found.session, found.id]
    if (await answerWithin<boolean>(store, message, result, TIMEOUT, 'zproc kill')) return
    throw new ConnectionError(`${shown(found)} has ended meanwhile`)
  }
  const why = `the program that started it (pid ${found.parent}) does not answer`
  if (owner?.machine !== 'local' || found.backend !== 'process' || found.pid === null)
    throw new ConnectionError(`${shown(found)} cannot be ended from here: ${why}`)
  if (parentOf(found.pid) !== found.parent)
    throw new ConnectionError(
      `${shown(found)} cannot be ended: ${why}, and that the process is still its child cannot be seen`,
    )
  process.kill(found.pid, 'SIGKILL')
}

const ownerOf = ({ session }: Found, { sessions }: ServerDescription): SessionDescription | undefined =>
  sessions.find(one => one.session === session)

/** Whether the program can be asked by its server. */
const answers = (owner: SessionDescription): boolean => owner.lost === null && !isSilent(owner)

/** Whether it has not ended yet. A program that does not answer does not know that one of its children has. */
function isThere(description: ServerDescription, found: Found): boolean {
  const owner = ownerOf(found, description)
  if (owner && !answers(owner) && owner.machine === 'local' && found.pid !== null) return !hasEnded(found.pid)
  return all(description).some(({ session, id }) => session === found.session && id === found.id)
}
