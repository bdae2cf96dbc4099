// Context.join: of all that ask for a name, one starts the server.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AnyState, Context } from 'zproc'
import { program } from '../kit/programs.ts'
import { isThere } from '../map/contexts.ts'

const newName = () => `test-${randomBytes(6).toString('hex')}`

/** A Context that is closed when the test is over. */
function joined(t: TestContext, name: string, options = {}): Context<AnyState> {
  const ctx = Context.join<AnyState>(name, { linger: 0, ...options })
  t.after(() => ctx.close())
  return ctx
}

async function gone(pid: number): Promise<void> {
  while (isThere(pid)) await new Promise(resolve => setTimeout(resolve, 20))
}

test('a hundred starters at once have one server, which ends when the last has gone', async t => {
  const name = newName()
  const source = `
    import { Context, atomic } from 'zproc'
    const add = atomic(state => { state.n = (state.n ?? 0) + 1; return state.n })
    const all = Array.from({ length: 25 }, () => Context.join(${JSON.stringify(name)}, { linger: 0 }))
    const found = await Promise.all(all.map(async ctx => {
      await add(ctx.state)
      return [ctx.serverAddress, await ctx.ping()]
    }))
    console.log(JSON.stringify(found))
    await all[0].state.getWhenEqual('n', 100)
    await Promise.all(all.map(ctx => ctx.close()))
  `
  const programs = Array.from({ length: 4 }, () => program(t, source))
  const ends = await Promise.all(programs.map(one => one.ended()))
  const found = ends.flatMap(({ code, stdout, stderr }) => {
    assert.deepEqual([code, stderr], [0, ''])
    return JSON.parse(stdout) as [string, number][]
  })
  assert.equal(found.length, 100)
  const [address, pid] = found[0]!
  for (const one of found) assert.deepEqual(one, [address, pid])
  await gone(pid)
})

test('the server belongs to none of them: it stays when the one that started it ends, and not for longer than the last', async t => {
  const name = newName()
  const source = `
    import { Context } from 'zproc'
    const ctx = Context.join(${JSON.stringify(name)}, { linger: 0 })
    await ctx.state.set('n', 1)
    console.log(await ctx.ping(), ctx.serverProcess)
    await ctx.state.getWhenEqual('go', true)
    process.kill(process.pid, 'SIGKILL')
  `
  const first = program(t, source)
  const pid = Number((await first.line())!.split(' ')[0])
  const ctx = joined(t, name)
  assert.equal(await ctx.ping(), pid)
  assert.equal(ctx.serverProcess, null)
  await ctx.state.set('go', true)
  await first.ended()
  assert.equal(await ctx.state.get('n'), 1)
  await ctx.close()
  await gone(pid)
})

test('linger is how long it stays, and what is in its data folder is there when it comes again', async t => {
  const name = newName()
  const folder = mkdtempSync(join(tmpdir(), 'zproc-join-'))
  const data = join(folder, 'data')
  const options = { linger: 1500, server: { data } }
  const first = joined(t, name, options)
  await first.state.set('n', 1)
  const pid = (await first.ping())!
  await first.close()
  const second = joined(t, name, options)
  assert.equal(await second.ping(), pid)
  await second.close()
  await gone(pid)
  const third = joined(t, name, options)
  assert.notEqual(await third.ping(), pid)
  assert.equal(await third.state.get('n'), 1)
  const last = (await third.ping())!
  await third.close()
  await gone(last)
  rmSync(folder, { recursive: true })
})

test('processes and maps of a joined Context use its server', async t => {
  const ctx = joined(t, newName())
  const target = ctx.process(async state => {
    await state.set('here', true)
    return process.pid
  })
  assert.notEqual(await target.wait(), process.pid)
  assert.equal(await ctx.state.get('here'), true)
  assert.deepEqual(await ctx.processMap((x: number) => x * x, [1, 2, 3]).toArray(), [1, 4, 9])
})

test('with project: true the name is that of the nearest package.json', t => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'zproc-project-')))
  const before = process.cwd()
  t.after(() => {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  })
  mkdirSync(join(folder, 'a', 'b'), { recursive: true })
  const addresses = ['.', 'a', 'a/b'].map(where => {
    writeFileSync(join(folder, 'package.json'), '{}')
    process.chdir(join(folder, where))
    return addressOf(t, { project: true })
  })
  assert.equal(new Set(addresses).size, 1)
  assert.notEqual(addressOf(t, {}), addresses[0])
  writeFileSync(join(folder, 'a', 'package.json'), '{}')
  assert.notEqual(addressOf(t, { project: true }), addresses[0])
})

const addressOf = (t: TestContext, options: object) => joined(t, 'same', options).serverAddress

test('what makes no sense is refused by name', () => {
  assert.throws(() => Context.join('a/b'), {
    name: 'TypeError',
    message: /Context\.join: a name is .* got 'a\/b'/,
  })
  assert.throws(() => Context.join(7 as never), { name: 'TypeError', message: /got 7$/ })
  assert.throws(() => Context.join('a', { lingr: 1 } as never), { message: /did you mean linger/ })
  assert.throws(() => Context.join('a', { serverBackend: 'inline' }), { message: /a process of its own/ })
  assert.throws(() => Context.join('a', { linger: -1 }), { name: 'RangeError' })
})
