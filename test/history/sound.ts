import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hands } from './hands.ts'
import { type Kind, openStage, seedsFrom, torture } from './stages.ts'
import type { Violation } from './violations.ts'

/** Tests that so many histories on a server of this kind are right. */
export function expectSound(kind: Kind, title: string, histories: number, remote = 0): void {
  test(`${histories} histories ${title} are right`, async t => {
    const { stage, close } = await openStage(kind, remote > 0 ? 'process' : 'inline')
    const hands = new Hands()
    t.after(() => Promise.all([hands.close(), close()]))
    const more = { hands, remote, atOnce: remote > 0 ? 1 : 4 }
    const { wrong, ...tally } = await torture(stage, seedsFrom(1, histories), more)
    t.diagnostic(`${kind}: ${JSON.stringify(tally)}`)
    assert.equal(wrong, undefined, wrong && describe(kind, remote, wrong))
    assert.equal(tally.histories, histories)
    assert.ok(tally.faults >= 2 * histories, `${tally.faults} faults are too few`)
    assert.ok(tally.calls / histories >= 150, `${tally.calls} calls are too few`)
  })
}

/** What was found, and how to have the same workload again. */
export function describe(
  kind: Kind,
  remote: number,
  { seed, violations }: { seed: number; violations: Violation[] },
): string {
  const found = violations.slice(0, 5).map(({ wrong, message }) => `  ${wrong}: ${message}`)
  const again = `npm run torture -- --kind '${kind}' --seed ${seed} --histories 1${remote > 0 ? ' --killed' : ''}`
  return [`seed ${seed}, ${kind}: ${violations.length} violations; again: ${again}`, ...found].join('\n')
}
