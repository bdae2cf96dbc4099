import { sleep } from '../../src/async/interval.ts'

/**
 * Looks again and again, until there is something, and gives that. Only for what nothing tells of: a server that is asked what it is
 * doing, the system. A look that fails is made again. Rejects after `ms`.
 */
export async function until<T>(
  look: () => T | undefined | Promise<T | undefined>,
  ms = 20_000,
): Promise<NonNullable<T>> {
  let cause: unknown
  for (const late = performance.now() + ms; performance.now() < late; await sleep(20)) {
    try {
      const found = await look()
      if (found) return found
    } catch (error) {
      cause = error
    }
  }
  throw new Error(`it did not become so within ${ms} ms: ${look}`, { cause })
}
