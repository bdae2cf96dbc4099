import { monotonic, sleep } from '../async/interval.ts'
import { checkHome } from '../engines/engines.ts'
import { ConnectionError, TimeoutError } from '../errors.ts'
import { readOptions } from '../protocol/options.ts'
import { type WaitForServerOptions, waitFields } from './options.ts'
import { ping } from './ping.ts'

// Milliseconds from one try to the next: at first, then twice as many, up to these.
const FIRST = 10
const LONGEST = 250

/**
 * Resolves with the server's pid as soon as one answers at `address`.
 *
 *     await waitForServer('tcp://127.0.0.1:5000', { timeout: 10_000 })
 *
 * Rejects with `ZPROC_TIMEOUT` when none answers within `timeout` milliseconds (default: none), with `ZPROC_AUTHENTICATION`
 * when the keys differ.
 */
export async function waitForServer(address: string, given: WaitForServerOptions = {}): Promise<number> {
  const { timeout = Number.POSITIVE_INFINITY, secretKey } = readOptions(waitFields, given, 'waitForServer')
  const home = checkHome(address, secretKey, 'waitForServer')
  const until = monotonic() + timeout
  let cause: unknown
  for (let pause = FIRST; ; pause = Math.min(pause * 2, LONGEST)) {
    const left = Math.max(0, until - monotonic())
    try {
      const pid = await ping(home, { secretKey, timeout: left })
      if (pid !== null) return pid
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof TimeoutError)) throw error
      cause = error
    }
    if (monotonic() >= until)
      throw new TimeoutError(`waitForServer: no server answers at ${home} within ${timeout} ms`, { cause })
    await sleep(Math.min(pause, Math.max(0, until - monotonic())))
  }
}
