import { answerWithin } from '../client/ping.ts'
import { useStore } from '../client/use-store.ts'
import type { OutputReport } from '../protocol/context-report.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import { result } from '../store/store.ts'
import type { Home } from './followed.ts'
import type { OutputShown } from './messages.ts'
import type { Redactor } from './redact.ts'

// Milliseconds for an answer: the server waits for the program for one second.
const TIMEOUT = 5000

/** The last lines that process number `process` of the program of that session has printed. */
export async function outputOf(
  { address, secretKey }: Home,
  session: number,
  process: number,
  name: string,
  redactor: Redactor,
): Promise<OutputShown> {
  if (!redactor.showsOutput) return { seen: 'redacted', lines: [] }
  const store = useStore(address, { secretKey })
  try {
    const report = await answerWithin<OutputReport | null>(
      store,
      [Ask.output, 0, session, process],
      result,
      TIMEOUT,
      'zproc inspect',
    )
    if (!report) return { seen: 'gone', lines: [] }
    return { ...report, lines: report.lines.flatMap(line => redactor.line(line, name) ?? []) }
  } finally {
    void store.release()
  }
}
