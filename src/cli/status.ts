import { monotonic, sleep } from '../async/interval.ts'
import { describeServer, hungAt } from '../client/describe-server.ts'
import { diagnose } from '../client/diagnose.ts'
import { isInDoubt } from '../client/diagnose-processes.ts'
import type { DescribeServerOptions } from '../client/options.ts'
import { silence } from '../client/server-news.ts'
import { useStore } from '../client/use-store.ts'
import { ConnectionError, TimeoutError } from '../errors.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { findServers } from './find.ts'
import { statusHelp } from './help.ts'
import { options } from './options.ts'
import { keyFrom, noMore, wrong } from './parse.ts'
import { report } from './report.ts'
import { json, safe } from './shown.ts'
import { type Asked, addressed, asked, type Target, targetOf, textOf } from './target.ts'
import { red } from './terminal.ts'

// Milliseconds after which it looks again.
const AGAIN = 1000

/** Of `zproc status`: something is stuck, or the server does not answer. */
const STUCK = 4

/** `zproc status`: what a server is doing. Gives the exit code. */
export async function status(args: string[]): Promise<number> {
  const given = asked('status', args, options.status, statusHelp)
  if (!given) return 0
  const { address, secretKey } = await targetOrOnly('status', given)
  const began = monotonic()
  try {
    const description = await describeTwice(address, { secretKey })
    const stuck = diagnose(description)
    if (given.isJson) console.log(json({ hung: null, stuck, description }))
    else for (const line of report(description)) console.log(line)
    return stuck.length > 0 ? STUCK : 0
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error
    const words = silence(address, began)
    if (given.isJson) console.log(json({ hung: hungAt(address) ?? null, stuck: [words], description: null }))
    else console.log(red(`! ${safe(words)}`))
    return STUCK
  }
}

/** Looks again where something does not answer: a moment of work is nothing, a second is. */
export async function describeTwice(
  address: string,
  options: DescribeServerOptions,
): Promise<ServerDescription> {
  const store = useStore(address, { secretKey: options.secretKey })
  try {
    const first = await describeServer(address, options)
    if (!isInDoubt(first)) return first
    await sleep(AGAIN)
    return await describeServer(address, options)
  } finally {
    store.release()
  }
}

/** The server that is named, or the only one that this user has. */
export async function targetOrOnly(command: string, given: Asked): Promise<Target> {
  if (given.rest.length > 0) {
    const target = targetOf(command, given)
    noMore(command, given.rest)
    return target
  }
  const found = await findServers(keyFrom(command, textOf(given.values['key-file'])))
  const [only, ...others] = found
  if (!only) throw new ConnectionError('no server of this user was found: give the address of one')
  if (others.length > 0)
    throw wrong(
      command,
      `there are ${found.length} servers, of which one is to be named: ${found.map(({ name, address }) => name ?? address).join(', ')}`,
    )
  return { ...addressed(command, only.address, given.values), secretKey: only.secretKey }
}
