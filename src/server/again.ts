import { ConnectionError } from '../errors.ts'
import type { KeptAnswer } from '../storage/records.ts'
import { addEntries } from '../store/entry-parts.ts'
import { Namespace } from '../store/namespace.ts'
import type { Room } from './core.ts'
import { pageOf } from './past.ts'

/**
 * What a client asks again since its answer was lost when the server ended: requests that made a commit are answered from the
 * log. The calls of a State take effect in order, so one before such a request has taken effect too: it made no commit, and is
 * answered from the state that it found.
 */
export class Again {
  readonly #answers: Map<number, KeptAnswer>
  readonly #newest: number

  constructor(answers: Map<number, KeptAnswer>) {
    this.#answers = answers
    this.#newest = Math.max(-1, ...answers.keys())
  }

  /** Whether the request may have taken effect before the server was started again. */
  covers(id: number): boolean {
    return id <= this.#newest
  }

  /** The answer of a request that made a commit; it is given once. */
  take(id: number): KeptAnswer | undefined {
    const answer = this.#answers.get(id)
    this.#answers.delete(id)
    return answer
  }

  /** The revision that a State's request found that made no commit; undefined: it has not taken effect. */
  found(id: number, state: number): number | undefined {
    let next: KeptAnswer | undefined
    for (const answer of this.#answers.values())
      if (answer[0] > id && answer[3] === state && !(next && next[0] < answer[0])) next = answer
    return next && next[1] - 1
  }
}

/**
 * Does once more what a request did that found the namespace at `revision` and left it as it was: gives what `act` makes of
 * the state there.
 */
export async function repeat(
  room: Room,
  revision: number,
  act: (space: Namespace) => unknown,
): Promise<unknown> {
  const { name, maxDepth } = room.space
  const space = new Namespace(name, 1, { revision, maxDepth })
  const add = (entries: Uint8Array) => addEntries(space.values, entries)
  const [, state] = await pageOf(room, revision + 1, revision, true, add)
  add(state as Uint8Array)
  const result = act(space)
  // What functions come to may differ from one time to the next.
  if (space.revision !== revision)
    throw new ConnectionError(
      'the call was over when the server was started again, and had changed nothing; what it returned is not known',
      { outcome: 'none' },
    )
  return result
}
