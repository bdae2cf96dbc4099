// `zproc tree`, and what `zproc status` says of processes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Context, type State } from 'zproc'
import { status } from '../../src/cli/status.ts'
import { tree } from '../../src/cli/tree.ts'
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
