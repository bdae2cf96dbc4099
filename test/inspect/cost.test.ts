// What an open page costs the server, by its processor time: the clock on the wall would count what else the machine does.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type AnyState, State, startServer } from 'zproc'
import { program } from '../kit/programs.ts'

const KEYS = 50_000
const isLinux = process.platform === 'linux'

// An inspector in a process of its own, and a page that asks as the real one does. A signal begins it, and the next one ends it.
const INSPECTOR = `
  import { startInspector } from ${JSON.stringify(new URL('../../src/inspect/start.ts', import.meta.url).href)}
  let inspector
  setInterval(() => {}, 1000)
  process.on('SIGUSR2', async () => {
    if (inspector) {
      await inspector.close()
      inspector = undefined
      return console.log('ended')
    }
    inspector = await startInspector({ address: process.argv[2], secretKey: undefined, namespace: 'default' })
    const { origin, hash } = new URL(inspector.url)
    const headers = { authorization: 'Bearer ' + hash.slice('#token='.length), 'content-type': 'application/json' }
    const post = (name, question) =>
      fetch(origin + '/api/' + name, { method: 'POST', headers, body: JSON.stringify({ namespace: 'default', ...question }) })
    const text = async (name, question) => (await post(name, question)).text()
    const follow = async begun => {
      const stream = await post('stream', { namespace: null })
      for await (const part of stream.body) {
        const lines = Buffer.from(part).toString()
        if (lines.includes('"samples":[{')) begun()
        const revision = Number(/"revision":(\\d+)/.exec(lines)?.[1] ?? 0)
        await text('tree', { revision: null, from: 0, count: 100, filter: '', order: 'put', open: [] })
        if (revision) await text('log', { from: Math.max(1, revision - 70), to: revision })
      }
    }
    await new Promise(begun => follow(begun).catch(() => {}))
    console.log('begun')
  })
  console.log('ready')
`

/** Milliseconds of processor time that all threads of a process have taken. */
const taken = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, thread) =>
      sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6,
    0,
  )

test('an inspector whose page is open takes a tenth of a processor of the server at the most, however many commits there are', {
  skip: !isLinux && 'needs /proc',
  timeout: 120_000,
}, async t => {
  const server = await startServer(null, { backend: 'process' })
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  for (let i = 0; i < KEYS; i += 5000)
    await state.update(
      Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`key ${i + n}`, { n, text: 'new' }])),
    )
  const inspector = program(t, INSPECTOR, [server.address])
  assert.equal(await inspector.line(), 'ready')
  const toggled = () => {
    inspector.child.kill('SIGUSR2')
    return inspector.line()
  }
  /** Commits without a pause, for a time in which the inspector comes to its pace. */
  const run = async () => {
    const [before, begun] = [taken(server.pid), performance.now()]
    let commits = 0
    for (; performance.now() - begun < 2000; commits += 1000)
      await Promise.all(
        Array.from({ length: 1000 }, (_, n) => state.set(`key ${(commits + n * 7) % KEYS}`, commits)),
      )
    return { processor: taken(server.pid) - before, wall: performance.now() - begun, commits }
  }
  await run()
  let [bare, cost] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let round = 0; round < 3; round++) {
    const without = await run()
    bare = Math.min(bare, without.processor / without.commits)
    assert.equal(await toggled(), 'begun')
    const { processor, wall, commits } = await run()
    assert.equal(await toggled(), 'ended')
    cost = Math.min(cost, (processor - bare * commits) / wall)
  }
  t.diagnostic(`${(1000 * bare).toFixed(2)} µs a commit, and ${(100 * cost).toFixed(1)} % of a processor`)
  assert.ok(cost <= 0.1, `${(100 * cost).toFixed(1)} % of a processor`)
})
