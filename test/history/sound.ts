import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noRedis } from '../kit/redis.ts'
import { Hands } from './hands.ts'
import { describe, type Kind, openStage, seedsFrom, torture } from './stages.ts'

/** Tests that so many histories on a server of this kind are right. */
export function expectSound(kind: Kind, title: string, histories: number, remote = 0): void {
  test(`${histories} histories ${title} are right`, {
    skip: kind.startsWith('redis') && noRedis,
  }, async t => {
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
