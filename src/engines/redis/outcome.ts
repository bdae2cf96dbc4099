import type { Entry } from '../../protocol/messages.ts'
import type { Slot } from '../../store/commit.ts'
import { Overlay } from './overlay.ts'
import type { Trial } from './replica.ts'
import { Touched } from './touched.ts'
import type { Write } from './write.ts'

/** The result of a write, and the revision of the trial then; or what it threw. */
export type Outcome = { result: Slot | Entry; at: number } | { error: unknown }

/** What a write comes to on this state. One that nothing needs to be read for reads nothing. */
export function outcomeOf(write: Write, trial: Trial): Outcome {
  const { blind, author } = write
  const { values } = trial
  if (values instanceof Overlay) values.isListed = false
  try {
    if (blind && values instanceof Touched) {
      trial.blindly(author, blind)
      return { result: undefined, at: trial.revision }
    }
    return { result: write.run(trial), at: trial.revision }
  } catch (error) {
    return { error }
  } finally {
    if (values instanceof Overlay && !values.isListed) write.hasRead(false)
  }
}

/** The session that the writes need, which are then one; '': none. */
export async function sessionOf([write]: Write[]): Promise<string> {
  return (write?.lease?.[0] && (await write.presence?.session('commit'))) || ''
}

export function lost([write]: Write[], session: string): void {
  write?.presence?.lost(session)
}

/** Keys that have got a time to live are to be deleted in time. */
export function expect(together: Write[]): void {
  for (const { lease, presence } of together) if (lease && lease[1] !== null) presence?.expects(lease[1])
}
