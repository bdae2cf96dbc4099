import { workerData } from 'node:worker_threads'
import { becomeProcess } from './current.ts'
import { exitNow } from './exit.ts'
import { howItIs, type Report, type ThreadData, type ThreadOrder } from './job.ts'
import { run } from './run.ts'

// The program of a worker thread: waits for its job and does it. `parentPort` is left to the target.
const { zproc: parent }: ThreadData = workerData
const send = async (report: Report): Promise<void> => parent.postMessage(report)
let stop: (() => void) | undefined

parent.on('message', (order: ThreadOrder) => {
  if (order.kind === 'stop') return stop?.()
  if (order.kind === 'ask') return void send({ kind: 'answer', answer: howItIs() })
  becomeProcess(order.job, ask => {
    stop = () => ask('SIGTERM')
    void send({ kind: 'cooperative' })
  })
  void run(order.job, { send, end: exitNow })
})
