// An atomic function has the result that it has on a plain object. Programs are made from a seed, run on a draft and on a plain
// object, and compared in all that can be seen of them: DRAFT_PROGRAMS=1000000 runs more of them, DRAFT_SEED=5 others.
import { test } from 'node:test'
import { inspect } from 'node:util'
import { check, session, shrunk } from './draft-fuzz.ts'

const PROGRAMS = Number(process.env.DRAFT_PROGRAMS ?? 100_000)
const SEED = Number(process.env.DRAFT_SEED ?? 0)

test('a program has the same outcome, state, log and history on a draft as on a plain object', () => {
  let seed = SEED
  for (let ran = 0; ran < PROGRAMS; seed++) {
    const made = session(seed)
    try {
      ran += check(made)
    } catch (error) {
      const least = shrunk(made)
      try {
        check(least)
      } catch (cause) {
        const said = inspect(least, { depth: 9, compact: true, breakLength: 200 })
        throw new Error(`seed ${seed}, at its least ${said}: ${(cause as Error).message}`, { cause })
      }
      throw error
    }
  }
})
