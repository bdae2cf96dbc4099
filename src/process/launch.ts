import { ZprocError } from '../errors.ts'
import { wordsOf } from '../protocol/thrown.ts'
import type { Attempt, Outcome } from './attempt.ts'
import { Child, type ChildSettings } from './child.ts'
import type { Job } from './job.ts'
import type { ProcessOptions } from './options.ts'
import type { Spares } from './spares.ts'
import { Thread } from './thread.ts'
import { Unstarted } from './unstarted.ts'

/** A child without a job: a spare one, if there is one that fits. */
export function launch(
  { backend, execArgv = [], env, memoryLimit }: ProcessOptions,
  {
    name,
    tied,
    stdio,
    spares,
  }: { name: string; tied: boolean; stdio: ChildSettings['stdio']; spares: Spares | undefined },
): Attempt {
  const settings = { tied, execArgv, env, memoryLimit, stdio }
  if (backend === 'thread') return threadOr(settings, name)
  return spares?.take(settings) ?? new Child(settings)
}

/** What the system refuses is the end of the child, as it is of a process. */
function threadOr(settings: ChildSettings, name: string): Attempt {
  try {
    return new Thread(settings, name)
  } catch (error) {
    if (error instanceof ZprocError) return new Unstarted(error)
    throw error
  }
}

/** Gives the child its job, when that and the server are `ready`. Resolves with an outcome, if there is none to be given. */
export async function begin(
  attempt: Attempt,
  job: Job | Promise<Job>,
  ready: Promise<unknown> | undefined,
): Promise<Outcome | undefined> {
  if (!ready && !(job instanceof Promise)) {
    attempt.give(job)
    return undefined
  }
  try {
    await ready
    attempt.give(await job)
    return undefined
  } catch (error) {
    attempt.kill()
    const words = `failed before its target ran: ${error instanceof Error ? error.message : wordsOf(error)}`
    return {
      kind: 'failed',
      exitCode: null,
      reason: 'boot',
      error,
      classes: [],
      signal: undefined,
      words,
    }
  }
}
