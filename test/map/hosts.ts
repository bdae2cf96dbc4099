import type { TestContext } from 'node:test'
import { program } from '../kit/programs.ts'

const cli = new URL('../../src/cli/main.ts', import.meta.url).href

/** `zproc …` as a program of its own. */
export const zproc = (t: TestContext, ...args: string[]) => program(t, `import ${JSON.stringify(cli)}`, args)

/** `zproc worker …` that has joined. */
export async function joinedWorker(t: TestContext, address: string, ...args: string[]) {
  const started = zproc(t, 'worker', address, ...args)
  const line = await started.line()
  if (!line?.includes('joined')) throw new Error(`it did not join: ${JSON.stringify(await started.ended())}`)
  return { ...started, joined: line }
}
