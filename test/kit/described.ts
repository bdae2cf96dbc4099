import type { TestContext } from 'node:test'
import { describeServer, type ProcessDescription, type ServerDescription } from 'zproc'
import { type Program, program } from './programs.ts'
import { until } from './until.ts'

/** What `look` finds in what a server says of itself, once that is there. */
export const described = <T>(
  address: string,
  look: (told: ServerDescription) => T | undefined,
): Promise<NonNullable<T>> => until(async () => look(await describeServer(address)))

/** The process of that name, once it is as wanted. Default: it runs. */
export const named =
  (name: string, isSo: (one: ProcessDescription) => boolean = ({ state }) => state === 'running') =>
  ({ processes }: ServerDescription): ProcessDescription | undefined =>
    processes.find(one => one.name === name && isSo(one))

/**
 * A program with a process 'child'. Its event loop does not turn for `ms` once the state has `stick`; it prints 'stuck' then, and
 * behind that the exit code of its process.
 */
export const stuckProgram = (t: TestContext, address: string, ms = Number.POSITIVE_INFINITY): Program =>
  program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context(process.argv[2], { spares: 0 })
    const child = ctx.process(async state => void (await state.getWhenAvailable('over')), { name: 'child' })
    await ctx.state.getWhenAvailable('stick')
    console.log('stuck')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})
    await child.wait().catch(() => {})
    console.log(child.exitCode)`,
    [address],
  )
