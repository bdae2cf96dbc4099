import { holdOpen } from '../async/interval.ts'
import { withoutPassword } from '../async/shown.ts'
import { workerArguments } from './arguments.ts'
import { workerHelp } from './help.ts'

/** `zproc worker`: works until it is told to end. */
export async function worker(args: string[]): Promise<void> {
  const asked = workerArguments(args)
  if (!asked) return console.log(workerHelp)
  // Asked to end while it is still on its way in, it ends at once.
  let close: () => unknown = () => process.exit()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => close())
  // Nothing else keeps the program alive while there is no work.
  holdOpen()
  // Loaded once it is known that there is something to do.
  const { WorkerHost } = await import('../map/worker-host.ts')
  const host = await WorkerHost.open({ ...asked, warn: words => console.error(`zproc worker: ${words}`) })
  close = () => host.close()
  const workers = asked.count === 1 ? '1 worker has' : `${asked.count} workers have`
  console.log(
    `zproc worker: ${workers} joined the pool '${asked.namespace}' at ${withoutPassword(asked.address)}`,
  )
  await host.ended
}
