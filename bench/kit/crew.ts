import { type ChildProcess, fork } from 'node:child_process'

/** Processes that do their work whenever they are told to. */
export interface Crew {
  children: ChildProcess[]
  /** Has each of them do it so many times; resolves when all have done. */
  work(times: number): Promise<unknown>
  end(): void
}

/** Runs `file` in `count` processes; resolves when all have called `workWhenTold`. `node`: another Node, without a loader. */
export async function startCrew(file: string, count: number, args: string[], node?: string): Promise<Crew> {
  const settings = node === undefined ? {} : { execPath: node, execArgv: [] }
  const children = Array.from({ length: count }, () => fork(new URL(file), args, settings))
  await all(children, 'ready')
  return {
    children,
    work: times => {
      const done = all(children, 'done')
      for (const child of children) child.send({ times })
      return done
    },
    end: () => {
      for (const child of children) child.kill()
    },
  }
}

/** The child's side. */
export function workWhenTold(work: (times: number) => Promise<unknown>): void {
  process.on('message', async ({ times }: { times?: number }) => {
    if (times === undefined) return
    await work(times)
    process.send?.('done')
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}

/** Resolves when each of them has said so; rejects when one ends instead. */
function all(children: ChildProcess[], word: 'ready' | 'done'): Promise<unknown> {
  const one = (child: ChildProcess) =>
    new Promise<void>((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`a process of the crew ended (${code})`))
      const heard = (message: unknown) => {
        if (message !== word) return
        child.off('message', heard)
        child.off('exit', ended)
        resolve()
      }
      child.on('message', heard)
      child.once('exit', ended)
    })
  return Promise.all(children.map(one))
}
