import { type TestContext, test } from 'node:test'
import { Process, type ProcessOptions, type Server, startServer } from 'zproc'
import type { Target } from '../../src/process/assignment.ts'

export const backends = ['process', 'thread'] as const
export type Backend = (typeof backends)[number]

let server: Server
/** A server for all tests of a file: `before(openServer)`, `after(closeServer)`. */
export async function openServer(): Promise<void> {
  server = await startServer(null, { backend: 'inline' })
}
export const closeServer = (): Promise<void> => server.stop()
export const address = (): string => server.address

/** A process that does not outlive its test. */
export function run<R>(t: TestContext, target: Target<R>, options: ProcessOptions = {}): Process<R> {
  const started = new Process<R>(target, address(), { stateful: false, ...options })
  t.after(() => started.stop({ killAfter: 100 }))
  return started
}

/** One test for each backend. */
export function onBoth(title: string, check: (t: TestContext, backend: Backend) => Promise<void>): void {
  for (const backend of backends) test(`${title} (${backend})`, t => check(t, backend))
}

/** What is printed on stderr while `during` goes on; `reported` resolves at the first of it. */
export async function stderrOf(
  t: TestContext,
  during: (reported: Promise<void>) => Promise<unknown>,
): Promise<string> {
  let text = ''
  let report = () => {}
  const reported = new Promise<void>(resolve => {
    report = resolve
  })
  const write = t.mock.method(process.stderr, 'write', (chunk: string | Uint8Array) => {
    text += chunk
    report()
    return true
  })
  try {
    await during(reported)
  } finally {
    write.mock.restore()
  }
  return text
}
