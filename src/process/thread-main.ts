import { parentPort } from 'node:worker_threads'
import { becomeProcess } from './current.ts'
import type { Report, ThreadOrder } from './job.ts'
import { run } from './run.ts'

// The program of a worker thread: waits for its job and does it.
const parent = parentPort as NonNullable<typeof parentPort>
const send = async (report: Report): Promise<void> => parent.postMessage(report)
let stop: (() => void) | undefined

parent.on('message', (order: ThreadOrder) => {
  if (order.kind === 'stop') return stop?.()
  becomeProcess(order.job, ask => {
    stop = () => ask('SIGTERM')
    void send({ kind: 'cooperative' })
  })
  void run(order.job, { send, end: status => process.exit(status) })
})
