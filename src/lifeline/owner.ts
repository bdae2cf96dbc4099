import { after } from '../async/interval.ts'

/**
 * Called by a tied child's entry: it ends once its owner's end of the line is gone, at the latest `grace` milliseconds
 * later. `before` runs first. It is the second tie: the first is the guard, or on Windows the system.
 */
export function endWithOwner(
  line: { readonly closed: Promise<void> },
  options: { grace?: number | (() => number); before?: () => void } = {},
): void {
  const { grace = 0, before } = options
  void line.closed.then(() => {
    before?.()
    const wait = typeof grace === 'function' ? grace() : grace
    if (wait === 0) process.exit()
    after(wait, () => process.exit())
  })
}
