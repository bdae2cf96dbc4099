let current: AbortSignal = new AbortController().signal

/**
 * The signal of the chunk that is being mapped in this worker: it aborts when its map is cancelled. Called in a
 * target of `processMap`, before its first `await`.
 */
export const itemSignal = (): AbortSignal => current

/** @internal */
export function enterChunk(signal: AbortSignal): void {
  current = signal
}
