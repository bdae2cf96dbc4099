import { endWithOwner } from '../lifeline/owner.ts'
import { becomeProcess } from './current.ts'
import type { Job, Order, Report } from './job.ts'
import { printAtOnce } from './output.ts'
import { run } from './run.ts'

// The program of a child process: waits for its job and does it. It imports just what every job needs.
const idle = () => process.exit()
let targetRuns = () => {}
const running = new Promise<void>(resolve => {
  targetRuns = resolve
})
process.once('disconnect', idle)
process.on('message', hear)
printAtOnce()
if (process.platform === 'win32') standInForSignals()

/** Windows knows no signal that a process may handle: who listens for SIGTERM is told by the channel. */
function standInForSignals(): void {
  process.on('newListener', event => {
    if (event === 'SIGTERM') void send({ kind: 'cooperative' })
  })
  process.on('message', (order: Order) => {
    if (order.kind === 'stop' && !process.emit('SIGTERM', 'SIGTERM')) process.exit(1)
  })
}

function hear(order: Order): void {
  if (order.kind === 'rehearse')
    return void import('./rehearse.ts').then(({ rehearse }) => rehearse(order.at, send, running))
  if (order.kind === 'stop') return
  process.off('message', hear)
  process.off('disconnect', idle)
  begin(order.job)
}

function begin(job: Job): void {
  const is = becomeProcess(job, ask => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ask(signal))
  })
  if (process.argv[2] !== 'untied')
    endWithOwner({
      before: () => is.ask(new Error(`the parent process (pid ${job.parent.pid}) is gone`)),
      // The guard of the parent ends it sooner, where there is one.
      grace: () => (is.cooperates() ? 1000 : 0),
    })
  // Without anything else to do, a target may still be waiting.
  else process.on('disconnect', () => {})
  run(job, { send, end: status => process.exit(status) })
}

/** A parent that is gone needs no report. */
function send(report: Report): Promise<void> {
  if (report.kind === 'running') targetRuns()
  return new Promise(resolve => {
    if (process.connected) process.send?.(report, undefined, undefined, () => resolve())
    else resolve()
  })
}
