import { checkHome, engineOf } from '../engines/engines.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { Ask, type ClientMessage } from '../protocol/messages.ts'
import { readOptions } from '../protocol/options.ts'
import { result } from '../store/store.ts'
import { type DescribeServerOptions, describeFields } from './options.ts'
import { answerWithin } from './ping.ts'
import { useStore } from './use-store.ts'

// Milliseconds, and items of a list, where no others are given.
const TIMEOUT = 5000
const LIMIT = 100

/**
 * Asks the server at `address` what it is doing: its namespaces, clients, readers, locks and functions. No keys of a state, no
 * values and no secrets are in the answer.
 *
 *     const { server, sessions, locks } = await describeServer('tcp://127.0.0.1:5000')
 *
 * Rejects with `ZPROC_TIMEOUT` after `timeout` milliseconds, `ZPROC_CONNECTION` when nothing answers, `ZPROC_AUTHENTICATION`
 * when the keys differ, TypeError for an address of Redis: what Redis knows of its clients, its own INFO and CLIENT LIST tell.
 */
export async function describeServer(
  address: string,
  given: DescribeServerOptions = {},
): Promise<ServerDescription> {
  const call = 'describeServer'
  const { secretKey, timeout = TIMEOUT, limit = LIMIT } = readOptions(describeFields, given, call)
  const home = checkHome(address, secretKey, call)
  if (engineOf(home))
    throw new TypeError(
      `${call}: there is no zproc server at a Redis: who uses it, its own INFO and CLIENT LIST tell`,
    )
  const store = useStore(home, { secretKey })
  const message: ClientMessage = [Ask.describe, 0, limit]
  try {
    return await answerWithin<ServerDescription>(store, message, result, timeout, call)
  } finally {
    store.release()
  }
}
