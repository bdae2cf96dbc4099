let current: AbortSignal = new AbortController().signal

/**
 * The signal of the map whose item is being computed in this worker: it aborts when that map is cancelled, is broken
 * out of, or fails. An item that has not ended a second later costs its worker.
 *
 *     ctx.processMap(async (url: string) => (await fetch(url, { signal: itemSignal() })).text(), urls)
 */
export const itemSignal = (): AbortSignal => current

/** @internal */
export function enterItemSignal(signal: AbortSignal): void {
  current = signal
}
