import { diagnose } from '../client/diagnose.ts'
import { type ServerNews, serverNews } from '../client/server-news.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { SOONEST } from '../protocol/messages.ts'
import { topHelp } from './help.ts'
import { options } from './options.ts'
import { report } from './report.ts'
import { json, safe } from './shown.ts'
import { targetOrOnly } from './status.ts'
import { asked, endAtSignals, numberOf } from './target.ts'
import { cut, red } from './terminal.ts'

// Milliseconds from one look to the next where no others are given.
const INTERVAL = 1000

// Of a terminal: another screen without a cursor, and back; the upper left corner, the rest of a line, and of the screen.
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const REST_OF_LINE = '\u001b[K'
const REST = '\u001b[J'

/** `zproc top`: what a server is doing, again and again, until Ctrl-C. */
export async function top(args: string[]): Promise<number> {
  const given = asked('top', args, options.top, topHelp)
  if (!given) return 0
  const interval = numberOf('top', given, 'interval', INTERVAL)
  const times = numberOf('top', given, 'count', Number.POSITIVE_INFINITY)
  const { address, secretKey } = await targetOrOnly('top', given)
  const screen = new Screen(!given.isJson && process.stdout.isTTY === true)
  let before: ServerDescription | undefined
  let left = times
  for await (const news of serverNews(address, { secretKey, ms: Math.max(interval, SOONEST) })) {
    const { description = null } = news
    // Figures of another server say nothing of this one.
    const same = description && before?.server.started === description.server.started ? before : undefined
    const stuck = description ? diagnose(description, same) : [problemOf(news)]
    if (given.isJson) console.log(json({ stuck, description }))
    else screen.show(description ? report(description, same) : stuck.map(line => red(`! ${safe(line)}`)))
    before = description ?? before
    if (--left === 0) break
  }
  return 0
}

/** Why there is no description. It may be started again, or go on. */
const problemOf = ({ silent, lost }: ServerNews): string => silent ?? lost?.message ?? ''

/** Shows lines in place of those before, where there is a terminal, which is left as it was. */
class Screen {
  readonly #isTerminal: boolean
  #isEntered = false

  constructor(isTerminal: boolean) {
    this.#isTerminal = isTerminal
    endAtSignals()
  }

  show(lines: string[]): void {
    if (!this.#isTerminal) return console.log(`${lines.join('\n')}\n`)
    if (!this.#isEntered) {
      this.#isEntered = true
      process.stdout.write(ENTER)
      // However the command ends.
      process.on('exit', () => process.stdout.write(LEAVE))
    }
    // A terminal that does not say how large it is says 0.
    const [columns, rows] = [process.stdout.columns || 80, process.stdout.rows || 24]
    const shown = cut(lines.slice(0, rows - 1), columns).map(line => line + REST_OF_LINE)
    process.stdout.write(`${HOME}${shown.join('\n')}${REST}`)
  }
}
