import { constants, getPriority, setPriority } from 'node:os'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { withoutPassword } from '../async/shown.ts'
import { openBrowser } from '../inspect/open-browser.ts'
import type { RedactFunction, Redaction, RedactOutputFunction } from '../inspect/redact.ts'
import { startInspector } from '../inspect/start.ts'
import { inspectHelp } from './help.ts'
import { options } from './options.ts'
import { wholeNumber, wrong } from './parse.ts'
import { json } from './shown.ts'
import { onSignals } from './signals.ts'
import { targetOrOnly } from './status.ts'
import { asked, type Target, targetOf, textOf } from './target.ts'

/** `zproc inspect`: a page that shows a server and its states, until Ctrl-C. */
export async function inspect(args: string[]): Promise<number> {
  const given = asked('inspect', args, options.inspect, inspectHelp)
  if (!given) return 0
  giveWay()
  const { values } = given
  const target: Target =
    given.rest.length > 0 ? targetOf('inspect', given) : await targetOrOnly('inspect', given)
  if (given.rest.length > 0) throw wrong('inspect', `'${given.rest[0]}' is one argument too many`)
  const port = textOf(values.port)
  const canWrite = values.write === true
  const inspector = await startInspector({
    ...target,
    port: port === undefined ? 0 : wholeNumber('inspect', 'port', port, 0),
    canWrite,
    keys: keysOf(values.redact),
    ...(await redactionOf(textOf(values['redact-with']))),
  })
  const ended = new Promise(onSignals)
  const { address, namespace } = target
  if (given.isJson)
    console.log(json({ url: inspector.url, address: withoutPassword(address), namespace, write: canWrite }))
  else console.log(`zproc inspect: ${inspector.url}\nShows ${withoutPassword(address)} until Ctrl-C.`)
  if (values['no-open'] !== true && !given.isJson && !(await openBrowser(inspector.urlOnce())))
    console.error('zproc inspect: no browser was found to open: open the URL in one')
  await ended
  await inspector.close()
  return 0
}

/** Where the processor is wanted by programs that use the server, it is theirs first. */
function giveWay(): void {
  const { PRIORITY_BELOW_NORMAL } = constants.priority
  try {
    if (getPriority() < PRIORITY_BELOW_NORMAL) setPriority(PRIORITY_BELOW_NORMAL)
  } catch {
    // Not every system lets a process say so.
  }
}

function keysOf(lists: unknown): string[] {
  if (!Array.isArray(lists)) return []
  const keys = lists.flatMap(list => String(list).split(','))
  if (keys.includes('')) throw wrong('inspect', '--redact <key>,<key>: a key is missing')
  return keys
}

/** The default export of a module, and its `redactOutput`. */
async function redactionOf(path: string | undefined): Promise<Omit<Redaction, 'keys'>> {
  if (path === undefined) return {}
  let loaded: { default?: unknown; redactOutput?: unknown }
  try {
    loaded = await import(pathToFileURL(resolve(path)).href)
  } catch (error) {
    throw wrong('inspect', `--redact-with ${path} cannot be loaded: ${(error as Error).message}`)
  }
  const { default: made, redactOutput } = loaded
  if (redactOutput !== undefined && typeof redactOutput !== 'function')
    throw wrong('inspect', `--redact-with ${path}: redactOutput must be a function (line, name)`)
  if (typeof made !== 'function')
    throw wrong(
      'inspect',
      `--redact-with ${path}: its default export must be a function (key, value, namespace)`,
    )
  return {
    redact: made as RedactFunction,
    ...(redactOutput !== undefined && { redactOutput: redactOutput as RedactOutputFunction }),
  }
}
