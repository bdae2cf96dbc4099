import { monotonic, sleep } from '../async/interval.ts'
import { describeServer, hungAt } from '../client/describe-server.ts'
import { ping as pingServer } from '../client/ping.ts'
import { ConnectionError, TimeoutError } from '../errors.ts'
import { hasEnded } from '../transport/machine.ts'
import { pingHelp, stopHelp } from './help.ts'
import { options } from './options.ts'
import { noMore } from './parse.ts'
import { json } from './shown.ts'
import { asked, mustWrite, numberOf, type Target, targetOf } from './target.ts'

// Milliseconds for an answer; and for a server to end.
const TIMEOUT = 5000
const ENDING = 10_000

/** `zproc ping`: whether a server answers, and how fast. */
export async function ping(args: string[]): Promise<number> {
  const given = asked('ping', args, options.ping, pingHelp)
  if (!given) return 0
  const { address, secretKey } = targetOf('ping', given)
  noMore('ping', given.rest)
  const timeout = numberOf('ping', given, 'timeout', TIMEOUT)
  // The first answer includes the time to connect.
  const connecting = monotonic()
  const pid = await pingServer(address, { secretKey, timeout })
  const ms = monotonic() - connecting
  if (given.isJson) console.log(json({ pid, ms }))
  else console.log(`pid ${pid} answered in ${ms.toFixed(1)} ms, the time to connect included`)
  return 0
}

/** `zproc stop`: ends a server that has a process of its own on this machine. */
export async function stop(args: string[]): Promise<number> {
  const given = asked('stop', args, options.stop, stopHelp)
  if (!given) return 0
  const target = targetOf('stop', given)
  noMore('stop', given.rest)
  mustWrite('stop', given)
  const pid = await stoppable(target, given.values.force === true)
  process.kill(pid, given.values.force === true ? 'SIGKILL' : 'SIGTERM')
  for (const until = monotonic() + ENDING; !hasEnded(pid); await sleep(20))
    if (monotonic() > until)
      throw new TimeoutError(`process ${pid} has not ended within ${ENDING} ms: see --force`)
  if (given.isJson) console.log(json({ pid, stopped: true }))
  else console.log(`process ${pid} has ended`)
  return 0
}

/** The pid of the server, if to end that process ends nothing but the server. */
async function stoppable({ address, secretKey }: Target, isForced: boolean): Promise<number> {
  try {
    const { server, sessions, asker } = await describeServer(address, { secretKey, limit: 1000 })
    const own = sessions.find(({ session }) => session === asker)
    if (own?.machine !== 'local')
      throw new ConnectionError(`the server at ${address} is on another machine: stop it there`)
    if (server.backend !== 'process')
      throw new ConnectionError(
        `the server at ${address} is part of the program of process ${server.pid}: end that program instead`,
      )
    // A pid that is none would stand for many processes.
    if (!Number.isSafeInteger(server.pid) || server.pid <= 1)
      throw new ConnectionError(
        `the server at ${address} says that its pid is ${server.pid}: there is none such`,
      )
    return server.pid
  } catch (error) {
    const hung = error instanceof TimeoutError ? hungAt(address) : undefined
    if (!hung?.isOwn || !isForced) throw error
    return hung.server
  }
}
