import { cancel, every } from '../async/interval.ts'
/** Milliseconds. A peer that is there is heard every second beat; four beats without a word are at most 4.5 s. */
export const BEAT = 900

const beats = new Set<() => void>()
let timer: NodeJS.Timeout | undefined

/** Calls `beat` from time to time, all from one timer that keeps nothing alive. Returns what calls it off. */
export function onBeat(beat: () => void): () => void {
  beats.add(beat)
  timer ??= every(BEAT, () => {
    for (const one of [...beats]) one()
  }).unref()
  return () => {
    beats.delete(beat)
    if (beats.size > 0) return
    cancel(timer)
    timer = undefined
  }
}
