import { after } from '../async/interval.ts'
/**
 * Called by a tied child's entry: it ends once its owner's end of the channel is gone, at the latest `grace`
 * milliseconds later. `before` runs at the disconnect. It is the second tie: the first is the guard, or on Windows the system.
 */
export function endWithOwner(options: { grace?: number | (() => number); before?: () => void } = {}): void {
  const { grace = 0, before } = options
  const end = () => {
    before?.()
    const wait = typeof grace === 'function' ? grace() : grace
    if (wait === 0) process.exit()
    after(wait, () => process.exit())
  }
  if (!process.connected) end()
  else process.once('disconnect', end)
}
