/** What waits for a signal. One listener serves all of it: Node warns of many on one signal. */
const waiting = new WeakMap<AbortSignal, Waiting>()

interface Waiting {
  acts: Set<() => void>
  unlisten(): void
}

/** Calls `act` once when `signal` aborts, unless what it returns is called first. */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  // Of its own, so that the same function may wait twice.
  const one = () => act()
  const { acts, unlisten } = waiting.get(signal) ?? listen(signal)
  acts.add(one)
  return () => {
    if (acts.delete(one) && acts.size === 0) unlisten()
  }
}

function listen(signal: AbortSignal): Waiting {
  const acts = new Set<() => void>()
  const aborted = () => {
    waiting.delete(signal)
    const all = [...acts]
    acts.clear()
    for (const act of all) act()
  }
  const unlisten = () => {
    waiting.delete(signal)
    signal.removeEventListener('abort', aborted)
  }
  signal.addEventListener('abort', aborted, { once: true })
  const made = { acts, unlisten }
  waiting.set(signal, made)
  return made
}
