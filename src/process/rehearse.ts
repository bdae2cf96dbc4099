import { toWire } from '../protocol/values.ts'
import { revive } from '../shipping/revive.ts'
import type { Shipment } from '../shipping/shipment.ts'
import { bytesOf, type Report } from './job.ts'
import { openState } from './run.ts'
// Loaded for the targets that carry atomic functions.
import '../client/atomic.ts'

/**
 * What a spare does while it waits: it loads what most targets need, and goes through what every job does, with a target
 * that does nothing and a State of a server that cannot be. A job that comes meanwhile is not kept waiting for all of it.
 */
export async function rehearse(send: (report: Report) => Promise<void>): Promise<void> {
  await send({ kind: 'rehearsing' })
  const target = await revive(bytesOf(toWire(shipment, 'rehearse')) as Uint8Array)
  toWire(target(), 'rehearse')
  const { state } = await openState(nowhere)
  await state.get('nothing').catch(() => {})
  await state.close()
}

const nowhere = {
  name: 'rehearsal',
  address: 'ipc:///dev/null/nobody',
  namespace: 'default',
  secretKey: undefined,
  key: undefined,
  connectTimeout: undefined,
  watch: undefined,
}

const shipment: Shipment = {
  nodes: [
    {
      kind: 'function',
      form: 'arrow',
      source: '() => [one]',
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
