import { inspect } from 'node:util'
import { isRunning, originOf } from '../shipping/atomic.ts'
import { ServerLog } from './log.ts'

/** What ends the process or the thread that calls it. */
const ENDINGS = ['exit', 'reallyExit', 'abort', 'kill', 'disconnect'] as const

/**
 * From now on no atomic function ends this server, which has a process or a thread of its own: neither by a call, nor by
 * what fails when it has returned and cannot be told from what others have begun.
 */
export function shield(): void {
  for (const name of ENDINGS) {
    const original: unknown = Reflect.get(process, name)
    if (typeof original !== 'function') continue
    const shielded = (...args: unknown[]): unknown => {
      if (isRunning() || originOf() !== undefined)
        throw new Error(`process.${name} was called in an atomic function: it would end the server`)
      return Reflect.apply(original, process, args)
    }
    Reflect.set(process, name, shielded)
  }
  const log = new ServerLog()
  const goOn = (error: unknown) =>
    log.client('uncaught', `an error that no caller waits for: ${inspect(error)}`)
  process.on('uncaughtException', goOn)
  process.on('unhandledRejection', goOn)
}
