// An atomic function has the result that it has on a plain object. Programs are made from a seed, run on a draft and on a plain
// object, and compared in all that can be seen of them: DRAFT_PROGRAMS=1000000 runs more of them, DRAFT_SEED=5 others.
import { test } from 'node:test'
import { checkPrograms } from '../store/draft-fuzz.ts'

const PROGRAMS = Number(process.env.DRAFT_PROGRAMS ?? 100_000)
const SEED = Number(process.env.DRAFT_SEED ?? 1000)

test('a program has the same outcome, state, log and history on a draft as on a plain object', () => {
  checkPrograms(PROGRAMS, SEED)
})
