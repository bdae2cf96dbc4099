import { mock, type TestContext } from 'node:test'

export interface Ran {
  code: unknown
  stdout: string
  stderr: string
}

/** Runs commands in this process, one at a time, and keeps what they print. */
export function commands(t: TestContext) {
  let [stdout, stderr] = ['', '']
  let heard = () => {}
  const add = (to: 'stdout' | 'stderr') => (text: unknown) => {
    if (to === 'stdout') stdout += `${text}\n`
    else stderr += `${text}\n`
    heard()
  }
  const [log, error] = [
    mock.method(console, 'log', add('stdout')),
    mock.method(console, 'error', add('stderr')),
  ]
  t.after(() => {
    log.mock.restore()
    error.mock.restore()
  })
  return {
    async run(command: (args: string[]) => Promise<unknown>, ...args: string[]): Promise<Ran> {
      ;[stdout, stderr] = ['', '']
      const code = await command(args)
      return { code, stdout, stderr }
    },
    /** Resolves when what has been printed has this in it. */
    async printed(text: RegExp): Promise<void> {
      while (!text.test(stdout + stderr))
        await new Promise<void>(resolve => {
          heard = resolve
        })
    },
  }
}
