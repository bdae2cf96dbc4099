// `zproc tree`, and what `zproc status` says of processes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  Context,
  type ProcessDescription,
  type ServerDescription,
  type SessionDescription,
  type State,
} from 'zproc'
import { status } from '../../src/cli/status.ts'
import { tree, treeOf } from '../../src/cli/tree.ts'
import { described, named } from '../kit/described.ts'
import { room } from '../kit/servers.ts'
import { commands } from './kit.ts'

test('tree shows programs, and below them processes, those of processes, and pools', async t => {
  const { server } = await room(t)
  const { address } = server()
  const { run } = commands(t)
  const ctx = new Context(address, { spares: 0 })
  t.after(() => ctx.close())
  const outer = ctx.process(
    async (own: Context) => {
      own.process(async (state: State) => void (await state.getWhenAvailable('over')), {
        name: 'in\u001b[2Jner',
      })
      await own.state.getWhenAvailable('over')
    },
    { name: 'outer', passContext: true },
  )
  await ctx.run((n: number) => n + 1, 1)
  await described(address, named('in\u001b[2Jner'))
  const { code, stdout, stderr } = await run(tree, address)
  assert.deepEqual([code, stderr], [0, ''])
  const [worker] = ctx.workerList
  const lines = [
    `${address}  pid ${process.pid} \\(inline\\), .* MiB`,
    `└─ main \\(pid ${process.pid}\\)  for \\d+ m?s`,
    `   ├─ outer \\(pid ${outer.pid}\\)  running for \\d+ m?s, .* MiB, \\d+ % busy`,
    `   │  └─ in\\\\u001b\\[2Jner \\(pid \\d+\\)  running for \\d+ m?s, .* MiB, \\d+ % busy`,
    '   └─ pool  1 worker',
    `      └─ worker 1 \\(pid ${worker?.pid}\\)  .* MiB, \\d+ % busy`,
  ]
  assert.match(stdout, new RegExp(`^${lines.join('\n')}\n$`))
  const asJson = JSON.parse((await run(tree, address, '--json')).stdout)
  assert.deepEqual(
    asJson.processes.map(({ parent }: { parent: number }) => parent).sort(),
    [process.pid, outer.pid].sort(),
  )
  const shown = await run(status, address)
  assert.match(shown.stdout, new RegExp(`\nProcesses\nPID .*\n${outer.pid} +outer +${process.pid} +running `))
  assert.match(shown.stdout, new RegExp(`\nWorkers\nPID .*\n${worker?.pid} +1 +${process.pid} +- `))
  await ctx.state.set('over', true)
})

test('programs that say of each other that they have started them are shown, each once', () => {
  const session = (number: number, pid: number): SessionDescription => ({
    session: number,
    is: 'program',
    name: `program ${number}`,
    pid,
    machine: 'local',
    since: 0,
    lost: null,
    states: 1,
    requests: 0,
    ephemeral: 0,
    silent: null,
  })
  const vitals = { memory: null, eventLoop: null, silent: null }
  const child = (of: number, pid: number): ProcessDescription => ({
    session: of,
    parent: 0,
    id: 1,
    name: `child ${pid}`,
    target: '',
    backend: 'process',
    pid,
    state: 'running',
    since: 0,
    attempt: 1,
    recentRestarts: 0,
    end: null,
    ...vitals,
  })
  const pids = [10, 11, 12, 13]
  const numbers = fc.nat(pids.length - 1)
  fc.assert(
    fc.property(fc.array(fc.tuple(numbers, numbers), { maxLength: 12 }), pairs => {
      const description = {
        time: 1000,
        asker: 99,
        sessions: pids.map((pid, i) => session(i, pid)),
        processes: pairs.map(([of, which]) => child(of, pids[which]!)),
        pools: [],
      }
      const texts: string[] = []
      const walk = (nodes: ReturnType<typeof treeOf>) => {
        for (const { text, children } of nodes) {
          texts.push(text)
          walk(children)
        }
      }
      walk(treeOf(description as unknown as ServerDescription))
      // Each child once, where it was said; each program as one of those, or by itself.
      assert.equal(texts.filter(text => text.startsWith('child')).length, pairs.length)
      for (const [i, pid] of pids.entries())
        assert.ok(texts.some(text => text.startsWith(`program ${i} `) || text.startsWith(`child ${pid} `)))
    }),
  )
})
