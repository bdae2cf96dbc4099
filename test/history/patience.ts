import { after, cancel } from '../../src/async/interval.ts'

// Milliseconds between two probes; and how many times as long as a history with patience for N ms may take all in all, and one
// probe at the most.
const BEAT = 100
const MOST = 10

export interface Watched {
  /** Asks the server for something that it always answers, on a connection without faults. */
  probe(): Promise<unknown>
  /** Counts what has come of what was begun. */
  progress(): number
}

/**
 * Resolves when a history is stuck: `patience` milliseconds of a machine without other load have passed and nothing more has come
 * of anything. Time is counted in answers of the server, one in `BEAT` at most: where others keep the processor busy all of the
 * history goes slower, and so do those. A server that answers nothing any more is stuck as well, and so is a history without end.
 */
export function stuck(
  { probe, progress }: Watched,
  patience: number,
): { stuck: Promise<'stuck'>; end(): void } {
  let isOver = false
  let timer: ReturnType<typeof after>
  const wait = (ms: number) =>
    new Promise<'waited'>(resolve => {
      timer = after(ms, () => resolve('waited'))
    })
  const watch = async (): Promise<void> => {
    const limit = patience / BEAT
    let last = progress()
    for (let still = 0, beats = 0; still < limit && beats < MOST * limit && !isOver; beats++) {
      await wait(BEAT)
      const asked = probe().catch(() => {})
      const answered = await Promise.race([asked, wait(MOST * patience)])
      cancel(timer)
      if (answered === 'waited') return
      const now = progress()
      still = now === last ? still + 1 : 0
      last = now
    }
  }
  return {
    stuck: watch().then(() => 'stuck'),
    end: () => {
      isOver = true
      cancel(timer)
    },
  }
}
