import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { AuthenticationError, ConnectionError, State } from 'zproc'
import { program } from '../kit/programs.ts'
import { impostor } from '../kit/raw.ts'

// Put together there, so that it is in no command line to begin with.
const parts = ['a very', 'secret', 'key 4711']
const secretKey = parts.join('-')

test('a key is in no command line, no environment, no output', {
  skip: process.platform !== 'linux',
}, async t => {
  const run = program(
    t,
    `import { Context, State } from 'zproc'
    const secretKey = ${JSON.stringify(parts)}.join('-')
    const ctx = new Context<{ x: number }>({ secretKey })
    const child = ctx.process(async state => {
      await state.set('x', process.pid)
      await state.getWhenEqual('x', 0)
      throw new Error('the child fails')
    })
    await ctx.state.getWhenAvailable('x')
    await new State(ctx.serverAddress).get('x').catch(error => console.error(error))
    await new State(ctx.serverAddress, { secretKey: secretKey + '!' }).get('x').catch(error => console.error(error))
    console.log(JSON.stringify([process.pid, ctx.serverProcess!.pid, child.pid]))
    // Nothing else keeps it there.
    const staying = setInterval(() => {}, 1000)
    process.once('SIGUSR2', async () => {
      clearInterval(staying)
      await ctx.state.set('x', 0)
      await child.wait().catch(error => console.error(error))
      console.error(ctx.serverProcess, child)
      await ctx.close()
    })`,
  )
  const pids = JSON.parse((await run.line()) as string) as number[]
  assert.equal(pids.length, 3)
  const derived = scryptSync(secretKey, 'zproc pre-shared key', 32)
  const secrets = [secretKey, derived.toString('hex'), derived.toString('base64'), derived.toString('latin1')]
  const family = [
    ...pids,
    ...readdirSync('/proc')
      .filter(name => pids.includes(parentOf(name)))
      .map(Number),
  ]
  for (const pid of family)
    for (const file of ['cmdline', 'environ']) {
      const text = readFileSync(`/proc/${pid}/${file}`, 'latin1')
      if (pids.includes(pid))
        assert.notEqual(
          text,
          '',
          `${file} of ${['the program', 'its server', 'its child'][pids.indexOf(pid)]} (${readFileSync(`/proc/${pid}/status`, 'utf8').match(/State:.*/)?.[0]})`,
        )
      for (const secret of secrets) assert.ok(!text.includes(secret), `${file} of ${pid}`)
    }
  process.kill(run.pid, 'SIGUSR2')
  const { code, stdout, stderr } = await run.ended()
  assert.equal(code, 0, stderr)
  assert.match(stderr, /AuthenticationError[\s\S]*the child fails/)
  for (const secret of secrets) assert.ok(!(stdout + stderr).includes(secret))
})

const parentOf = (name: string): number => {
  if (!/^\d+$/.test(name)) return -1
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1])
  } catch {
    return -1
  }
}

for (const key of [undefined, secretKey])
  test(`who hangs up before a word is not said to have a key (${key ? 'one' : 'none'} was given)`, async t => {
    const address = await impostor(t, socket => socket.once('data', () => socket.destroy()))
    const state = new State(address, { secretKey: key })
    t.after(() => state.close())
    await assert.rejects(state.get('x'), (error: Error) => {
      assert.ok(error instanceof ConnectionError && !(error instanceof AuthenticationError))
      assert.match(error.message, /ended the connection before it greeted/)
      return true
    })
  })
