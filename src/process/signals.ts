import { constants } from 'node:os'
import { interruptAll, turnInterruptsOn } from '../async/interrupt.ts'
import { SignalException } from '../errors.ts'
import { describe } from '../protocol/values.ts'

const turned = new Set<NodeJS.Signals>()

/**
 * From now on that signal does not end this process. It rejects what the process awaits from zproc, or awaits next, with a
 * SignalException (`ZPROC_SIGNAL`), for try/catch to handle. Throws TypeError for a name that is not a signal.
 *
 *     signalToException('SIGTERM')
 *     try {
 *       await state.getWhenEqual('done', true)
 *     } catch (error) {
 *       if (error instanceof SignalException) await tidyUp()
 *     }
 */
export function signalToException(signal: NodeJS.Signals): void {
  if (typeof signal !== 'string' || !(signal in constants.signals))
    throw new TypeError(
      `signalToException: the signal must be a name like 'SIGTERM', got ${describe(signal)}`,
    )
  if (signal === 'SIGKILL' || signal === 'SIGSTOP')
    throw new TypeError(`signalToException: ${signal} cannot be handled by any process`)
  if (turned.has(signal)) return
  turnInterruptsOn()
  process.on(signal, () => interruptAll(new SignalException(signal)))
  turned.add(signal)
}
