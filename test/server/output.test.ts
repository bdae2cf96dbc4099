import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program } from '../kit/programs.ts'

test('console.log inside an atomic function prints on the stdout of the server, which its owner shares', async t => {
  for (const backend of ['process', 'inline'] as const) {
    const run = program(
      t,
      `import { atomic, State, startServer } from 'zproc'
      const server = await startServer(null, { backend: '${backend}' })
      const state = new State<{ x: number }>(server.address)
      await atomic((s: { x: number }) => {
        s.x = 1
        console.log('inside', s.x)
      })(state)
      await state.close()
      await server.stop()`,
    )
    const { code, stdout } = await run.ended()
    assert.deepEqual([code, stdout], [0, 'inside 1\n'])
  }
})

test('a server that takes a hold away says whose it was', async t => {
  const run = program(
    t,
    `import { atomic, State, startServer } from 'zproc'
    const server = await startServer(null, { atomicTimeout: 20 })
    const state = new State(server.address)
    await atomic(async () => {
      await new Promise(() => {})
    })(state).catch(error => console.log(error.name))
    await server.stop()`,
  )
  const { code, stdout, stderr } = await run.ended()
  assert.deepEqual([code, stdout], [0, 'AtomicTimeoutError\n'])
  assert.match(stderr, new RegExp(`process ${run.pid} held its namespace for 20 ms`))
})
