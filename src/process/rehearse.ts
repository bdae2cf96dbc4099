import type { State } from '../client/state.ts'
import { endsWithPeer } from '../protocol/address.ts'
import { toWire } from '../protocol/values.ts'
import type { Shipment } from '../shipping/shipment.ts'
import { currentProcess } from './current.ts'
import { bytesOf, type Job, type Joining, type Report } from './job.ts'
import { prepare, reportOf } from './run.ts'
// Loaded for the targets that carry atomic functions.
import '../client/atomic.ts'

/**
 * What a spare does while it waits: it loads what most targets need, and goes through what every job does, with a target
 * that asks the server for nothing. Where that costs no time it stays connected until `running`, so that the job's State
 * has no connection to make. A job that comes meanwhile is not kept waiting for all of it.
 */
export async function rehearse(
  at: Joining,
  send: (report: Report) => Promise<void>,
  running: Promise<void>,
): Promise<void> {
  await send({ kind: 'rehearsing' })
  // A job has come first: this process has its name, and its turn.
  if (currentProcess().parent) return
  const open: State[] = []
  try {
    const job = rehearsal(at)
    const call = await prepare(job, { send, end: () => {} }, open)
    reportOf(await call(), job)
    // Over tcp a connection has to be seen to be there; another home of the log may have more to do.
    if (endsWithPeer(at.address)) await Promise.race([running, lost(open)])
  } catch {
    // The server may be gone: that is for a job to say.
  }
  await Promise.allSettled(open.map(state => state.close()))
}

/** Resolves when one of them is without a connection: a spare does not look for the server. */
async function lost(states: State[]): Promise<void> {
  for (const state of states) for await (const { type } of state.events()) if (type === 'disconnected') return
}

const rehearsal = (at: Joining): Job => ({
  ...at,
  name: 'spare',
  isSpare: true,
  attempt: 1,
  parent: { name: '', pid: 0 },
  cwd: undefined,
  env: [],
  target: bytesOf(toWire(shipment, 'rehearse')) as Uint8Array,
  module: undefined,
  first: 'state',
  args: [],
  kwargs: [],
  contextModule: undefined,
  watch: undefined,
  trace: null,
})

const shipment: Shipment = {
  nodes: [
    {
      kind: 'function',
      form: 'arrow',
      source: "async state => [one, await state.get('nothing')]",
      name: 'rehearsed',
      strict: true,
      from: 'zproc:rehearsal',
      line: 0,
      column: 0,
      variables: [['one', 1]],
      properties: [],
    },
  ],
  entries: [],
}
