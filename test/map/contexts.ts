import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { Context } from '../../src/context/context.ts'
import type { ContextOptions } from '../../src/context/options.ts'

/** A Context that is gone when the test is over. */
export function contextFor(t: TestContext, options: ContextOptions = {}): Context {
  const ctx = new Context(options)
  t.after(() => ctx.close())
  return ctx
}

/** 0, 1, … count - 1 */
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Resolves when so many of the processes of a Context have ended from now on. */
export async function exits(ctx: Context, count: number): Promise<void> {
  let left = count
  for await (const event of ctx.events()) if (event.type === 'exited' && --left === 0) return
}

/** Whether there is a process with that pid. */
export function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export const aborted = (signal: AbortSignal): Promise<unknown> =>
  signal.aborted ? Promise.resolve() : once(signal, 'abort')
