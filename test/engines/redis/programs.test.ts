import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Context, type State } from 'zproc'
import { program } from '../../kit/programs.ts'
import { noRedis, type RedisHome, startCluster, startRedis } from '../../kit/redis.ts'

for (const [name, start] of [
  ['redis', () => startRedis()],
  ['a cluster of three', () => startCluster()],
] as const)
  describe(`programs on ${name}`, { skip: noRedis }, () => {
    let home: RedisHome
    before(async () => {
      home = await start()
    })
    after(() => home?.stop())

    test('a Context joins it, and its processes, watchers and maps with it', async t => {
      const ctx = new Context<{ cookies: number; eaten: number }>(home.address, { namespace: 'bakery' })
      t.after(() => ctx.close())
      assert.equal(ctx.serverProcess, null)
      await ctx.state.set({ cookies: 0, eaten: 0 })
      ctx.callWhenChange('cookies')(async (snapshot, state) => {
        await state.set('eaten', snapshot.cookies)
      })
      const baker = ctx.process(async (state: State<{ cookies: number; eaten: number }>) => {
        for (let n = 1; n <= 3; n++) await state.set('cookies', n)
        return 'baked'
      })
      assert.equal(await baker.wait(), 'baked')
      await ctx.state.getWhenEqual('eaten', 3)
      assert.deepEqual(await ctx.processMap((x: number) => x * x, [1, 2, 3]).toArray(), [1, 4, 9])
    })

    test('a program with idle States, views and past watchers ends by itself', async t => {
      const { ended } = program(
        t,
        `import { Context, State } from 'zproc'
        const ctx = new Context(process.argv[2], { namespace: 'idle' })
        const state = new State(process.argv[2], { namespace: 'idle' })
        await ctx.state.set('x', 1)
        await state.getWhenEqual('x', 1)
        const view = await state.view()
        state.getWhenChange({ timeout: 1 }).catch(() => {})
        console.log(view.get('x'), await ctx.ping() > 0)`,
        [home.address],
      )
      const { code, stdout, stderr } = await ended()
      assert.deepEqual([code, stdout, stderr], [0, '1 true\n', ''])
    })
  })
