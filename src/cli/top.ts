import { sleep } from '../async/interval.ts'
import { describeServer } from '../client/describe-server.ts'
import { diagnose } from '../client/diagnose.ts'
import { useStore } from '../client/use-store.ts'
import { ConnectionError, TimeoutError } from '../errors.ts'
import type { ServerDescription } from '../protocol/description.ts'
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
  // One session for all looks.
  const store = useStore(address, { secretKey })
  const screen = new Screen(!given.isJson && process.stdout.isTTY === true)
  let before: ServerDescription | undefined
  for (let i = 0; i < times; i++) {
    if (i > 0) await sleep(interval)
    try {
      const now = await describeServer(address, { secretKey })
      // Figures of another server say nothing of this one.
      const same = before?.server.started === now.server.started ? before : undefined
      if (given.isJson) console.log(json({ stuck: diagnose(now, same), description: now }))
      else screen.show(report(now, same))
      before = now
    } catch (error) {
      // It may be started again, or go on.
      if (!(error instanceof ConnectionError || error instanceof TimeoutError) || !before) throw error
      if (given.isJson) console.log(json({ stuck: [error.message], description: null }))
      else screen.show([red(`! ${safe(error.message)}`)])
    }
  }
  await store.release()
  return 0
}

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
