import { availableParallelism } from 'node:os'
import { holdOpen } from '../async/interval.ts'
import { withoutPassword } from '../async/shown.ts'
import { workerHelp } from './help.ts'
import { options } from './options.ts'
import { noMore } from './parse.ts'
import { onSignals } from './signals.ts'
import { asked, numberOf, targetOf } from './target.ts'

/** `zproc worker`: works until it is told to end. */
export async function worker(args: string[]): Promise<number> {
  const given = asked('worker', args, options.worker, workerHelp)
  if (!given) return 0
  const target = targetOf('worker', given)
  noMore('worker', given.rest)
  const count = numberOf('worker', given, 'count', availableParallelism())
  // Asked to end while it is still on its way in, it ends at once.
  let close: () => unknown = () => process.exit()
  onSignals(() => close())
  // Nothing else keeps the program alive while there is no work.
  holdOpen()
  // Loaded once it is known that there is something to do.
  const { WorkerHost } = await import('../map/worker-host.ts')
  const warn = (words: string) => console.error(`zproc worker: ${words}`)
  const host = await WorkerHost.open({ ...target, count, warn })
  close = () => host.close()
  const workers = count === 1 ? '1 worker has' : `${count} workers have`
  console.log(
    `zproc worker: ${workers} joined the pool '${target.namespace}' at ${withoutPassword(target.address)}`,
  )
  await host.ended
  return 0
}
