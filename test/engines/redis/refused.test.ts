// A batch is compared with what was read for it by value. What was refused may arrive once more, from a connection that was given up,
// when all is as it was read again: by then its calls were made anew.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Command, Redis } from 'ioredis'
import { State } from 'zproc'
import { Batch, targetOf } from '../../../src/engines/redis/batch.ts'
import { keysOf } from '../../../src/engines/redis/keys.ts'
import { Reads } from '../../../src/engines/redis/reads.ts'
import { type Reply, replyOf } from '../../../src/engines/redis/reply.ts'
import { commit } from '../../../src/engines/redis/scripts.ts'
import { ABSENT, change } from '../../../src/store/commit.ts'
import { noRedis, type RedisHome, type RedisServer, startRedis } from '../../kit/redis.ts'

describe('a batch that was refused', { skip: noRedis }, () => {
  let home: RedisHome
  let redis: Redis
  before(async () => {
    home = await startRedis(['--appendonly', 'no'])
    redis = new Redis((home.servers[0] as RedisServer).port, '127.0.0.1')
  })
  after(async () => {
    redis?.disconnect()
    await home?.stop()
  })

  /** The bytes of a batch that sets `made` because `seen` is 1. */
  function batchOf(namespace: string, number: number): Buffer {
    const { log } = keysOf(namespace)
    const reads = new Reads()
    reads.value('seen', { slot: 1, mark: undefined, epoch: 0, weight: 0, isShared: false })
    const batch = new Batch(
      { writer: 'test', number, expected: '', reads },
      '1000',
      targetOf(commit.sha, log),
    )
    const author = { session: 1, state: 1, pid: 1, name: '' }
    const changes = [change('made', ABSENT, number)]
    batch.made({ author, method: 'atomic', time: 0, identical: false, changes })
    return batch.done()
  }

  async function send(bytes: Buffer): Promise<Reply> {
    const sent = new Command('evalsha', [], { replyEncoding: null })
    sent.toWritable = () => bytes
    redis.sendCommand(sent)
    return replyOf(await sent.promise)
  }

  test('what was refused because of what was read is not made when it arrives once more', async t => {
    const namespace = randomUUID()
    const state = new State<Record<string, unknown>>(home.address, { namespace })
    t.after(() => state.close())
    await state.set('seen', 2)
    await state.set('seen', 3)
    const late = batchOf(namespace, 1)
    assert.equal((await send(late)).status, 'differs')
    await state.set('seen', 1)
    assert.deepEqual(await send(late), { status: 'differs', head: '', found: undefined })
    assert.equal(await state.has('made'), false)
    assert.equal((await send(batchOf(namespace, 2))).status, 'ok')
    assert.equal(await state.get('made'), 2)
    // The first one comes too late once more, and the second one is not made again.
    assert.equal((await send(late)).status, 'ok')
    await state.set('made', 'since')
    assert.equal((await send(batchOf(namespace, 2))).status, 'ok')
    assert.equal(await state.get('made'), 'since')
  })
})
