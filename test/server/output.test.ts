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

test('what an atomic function prints of the state is the state, not how it is followed', async t => {
  const run = program(
    t,
    `import { atomic, State, startServer } from 'zproc'
    type S = { list: (number | { x: number })[]; deep: { o: { p: number[] } } }
    const server = await startServer(null, { backend: 'inline' })
    const state = new State<S>(server.address)
    await state.set({ list: [1, { x: 2 }], deep: { o: { p: [1] } } })
    await atomic((s: S) => {
      s.list.push(3)
      console.log(s.list, s.deep.o)
      console.log({ list: s.list }, [...s.list], Object.values(s.deep))
      console.log(s)
    })(state)
    await atomic(async (s: S) => {
      s.deep.o.p.push(2)
      console.log(s)
    })(state)
    await state.close()
    await server.stop()`,
  )
  const { code, stdout, stderr } = await run.ended()
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(stdout.trim().split('\n'), [
    '[ 1, { x: 2 }, 3 ] { p: [ 1 ] }',
    '{ list: [ 1, { x: 2 }, 3 ] } [ 1, { x: 2 }, 3 ] [ { p: [ 1 ] } ]',
    '{ list: [ 1, { x: 2 }, 3 ], deep: { o: { p: [Array] } } }',
    '{ list: [ 1, { x: 2 }, 3 ], deep: { o: { p: [Array] } } }',
  ])
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
