import { isMainThread, parentPort } from 'node:worker_threads'
import { endWithOwner } from '../lifeline/owner.ts'
import { becomeProcess } from './current.ts'
import type { Job, Order, Report } from './job.ts'
import { printAtOnce } from './output.ts'
import { type Port, run } from './run.ts'

// The program of a child, process or thread: waits for its job and does it. It imports just what every job needs.
const port: Port = parentPort ? portOfThread(parentPort) : portOfProcess()
let stop: (() => void) | undefined

function onOrder(order: Order): void {
  if (order.kind === 'stop') stop?.()
  else begin(order.job)
}

function begin(job: Job): void {
  const is = becomeProcess(job, ask => {
    if (!isMainThread) {
      stop = () => ask('SIGTERM')
      port.send({ kind: 'cooperative' })
    } else for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ask(signal))
  })
  if (isMainThread && process.argv[2] !== 'untied')
    endWithOwner({
      before: () => is.ask(new Error(`the parent process (pid ${job.parent.pid}) is gone`)),
      // The guard of the parent ends it sooner, where there is one.
      grace: () => (is.cooperates() ? 1000 : 0),
    })
  // Without anything else to do, a target may still be waiting.
  else if (isMainThread) process.on('disconnect', () => {})
  run(job, port)
}

function portOfThread(parent: NonNullable<typeof parentPort>): Port {
  parent.on('message', onOrder)
  return {
    send: async report => parent.postMessage(report),
    end: status => process.exit(status),
  }
}

function portOfProcess(): Port {
  process.once('message', onOrder)
  const idle = () => process.exit()
  process.once('disconnect', idle)
  process.once('message', () => process.off('disconnect', idle))
  return {
    // A parent that is gone needs no report.
    send: (report: Report) =>
      new Promise<void>(resolve => {
        if (process.connected) process.send?.(report, undefined, undefined, () => resolve())
        else resolve()
      }),
    end: status => process.exit(status),
  }
}

if (isMainThread) printAtOnce()
void port.send({ kind: 'ready' })
