import { duration } from '../client/duration.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { findServers } from './find.ts'
import { lsHelp } from './help.ts'
import { options } from './options.ts'
import { keyFrom, noMore } from './parse.ts'
import { json, safe } from './shown.ts'
import { asked, textOf } from './target.ts'
import { table } from './terminal.ts'

/** `zproc ls`: the servers of this user. */
export async function ls(args: string[]): Promise<number> {
  const given = asked('ls', args, options.ls, lsHelp)
  if (!given) return 0
  noMore('ls', given.rest)
  const found = await findServers(keyFrom('ls', textOf(given.values['key-file'])))
  if (given.isJson) {
    const said = found.map(({ name = null, address, pid = null, is, description = null }) => ({
      name,
      address,
      pid,
      is,
      description,
    }))
    console.log(json(said))
    return 0
  }
  if (found.length === 0)
    console.error(
      'zproc: no server of this user was found; servers at addresses of their own are not looked for',
    )
  const rows = found.map(({ name = '-', address, pid, is, description }) => [
    safe(name),
    pid === undefined ? '-' : `${pid}`,
    is,
    description ? duration(description.time - description.server.started) : '-',
    description ? `${clients(description)}` : '-',
    description ? `${description.namespaces.reduce((sum, { keys }) => sum + keys, 0)}` : '-',
    address,
  ])
  for (const line of table(['NAME', 'PID', 'IS', 'FOR', 'CLIENTS', 'KEYS', 'ADDRESS'], rows))
    console.log(line)
  return 0
}

/** How many there are, without this command itself. */
function clients({ sessions, leftOut, asker }: ServerDescription): number {
  const isHere = sessions.some(({ session, states }) => session === asker && states === 0)
  return sessions.length + leftOut.sessions - Number(isHere)
}
