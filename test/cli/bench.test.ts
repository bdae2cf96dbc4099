// `zproc bench`: it measures, and leaves nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, describeServer, State } from 'zproc'
import { bench } from '../../src/cli/bench.ts'
import { room } from '../kit/servers.ts'
import { commands } from './kit.ts'

const NAMES = ['a set that is awaited', 'sets, 1000 at a time', 'a set until another client has it']

test('bench measures a server that is named, with --write, and cleans up', async t => {
  const { server } = await room(t)
  const { address } = server()
  const state = new State<AnyState>(address)
  t.after(() => state.close())
  await state.set('n', 1)
  const { run } = commands(t)
  await assert.rejects(run(bench, address, '--ms', '10'), { message: /--write/, command: ['bench'] })
  const { code, stdout } = await run(bench, address, '--ms', '10', '--write', '--json')
  assert.equal(code, 0)
  const said: { address: string; measured: { name: string; perSecond: number; p50: number; p99: number }[] } =
    JSON.parse(stdout)
  assert.deepEqual(
    said.measured.map(({ name }) => name),
    NAMES,
  )
  for (const { perSecond, p50, p99 } of said.measured)
    assert.ok(perSecond > 0 && (p50 === null || (p50 > 0 && p50 <= p99)))
  // What it had is gone: at the server that takes a turn.
  const names = async () => (await describeServer(address)).namespaces.map(({ name }) => name)
  while ((await names()).length > 1);
  assert.deepEqual(await names(), ['default'])
  assert.equal(await state.get('n'), 1)
})

test('without an address it measures a server of its own', async t => {
  const { run } = commands(t)
  const { code, stdout } = await run(bench, '--ms', '10')
  assert.equal(code, 0)
  const [address, head, ...lines] = stdout.trimEnd().split('\n')
  assert.match(address!, /^ipc:/)
  assert.match(head!, /^WHAT +A SECOND +MEDIAN MS +99 % BELOW MS$/)
  for (const [i, name] of NAMES.entries())
    assert.match(lines[i]!, new RegExp(`^${name} +[\\d,]+ +(-|[\\d.]+) +(-|[\\d.]+)$`))
  await assert.rejects(describeServer(address!, { timeout: 1000 }))
})
