import { after, cancel } from '../async/interval.ts'
import { ConnectionError, TimeoutError } from '../errors.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { metricsOf } from './metrics.ts'

// Milliseconds in which a server says what it is doing.
const PATIENCE = 5000

/** What `server.metrics()` gives. `describe` asks the server; undefined: it has ended. */
export async function metricsWithin(
  address: string,
  describe: () => Promise<ServerDescription | undefined>,
): Promise<string> {
  const call = 'server.metrics'
  const told = await new Promise<ServerDescription | undefined>((resolve, reject) => {
    const words = `${call}: no answer from ${address} within ${PATIENCE} ms`
    const timer = after(PATIENCE, () => reject(new TimeoutError(words)))
    describe()
      .then(resolve, reject)
      .finally(() => cancel(timer))
  })
  if (!told) throw new ConnectionError(`${call}: the server at ${address} has ended`)
  return metricsOf(told)
}
