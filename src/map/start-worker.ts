import { constants } from 'node:os'
import { ownModule } from '../async/home.ts'
import type { ProcessOptions } from '../process/options.ts'
import { type InnerProcessOptions, Process, stderrTailOf } from '../process/process.ts'
import type { MakeWorker } from './local-workers.ts'

const workerModule = ownModule('map/worker')

/** Starts the process of a pool's worker: see MakeWorker. What `options` say of targets is not said of workers. */
export function startWorker(
  address: string,
  options: ProcessOptions,
  inner: InnerProcessOptions,
  ...[path, worker, ended]: Parameters<MakeWorker>
): Process {
  const settings: ProcessOptions = {
    ...options,
    args: [path, worker],
    kwargs: undefined,
    stateful: true,
    passContext: false,
    retryFor: undefined,
    start: true,
    name: `worker ${worker}`,
  }
  return new Process(workerModule, address, settings, {
    ...inner,
    keepsStderr: true,
    isOwn: true,
    observe: event => {
      inner.observe?.(event)
      if (event.type !== 'exited') return
      const { exitCode, reason, error } = event
      const signal = signalOf(exitCode)
      const words = reason === 'returned' ? `ended with exit code ${exitCode}` : reason
      ended({
        reason: words,
        exitCode: signal ? null : exitCode,
        signal,
        stderr: stderrTailOf(event.process),
        error,
      })
    },
  })
}

function signalOf(exitCode: number | null): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, number]) => number === -(exitCode ?? 0))
  return found ? (found[0] as NodeJS.Signals) : null
}
