import { holdOpen } from '../async/interval.ts'
import { lineToOwner } from '../lifeline/line.ts'
import { endWithOwner } from '../lifeline/owner.ts'
import { flushTraces, hasTracer } from '../tracing/carried.ts'
import { becomeProcess } from './current.ts'
import { exitNow } from './exit.ts'
import { howItIs, type Job, type Order, type Report } from './job.ts'
import { offerMessages } from './messages.ts'
import { printAtOnce } from './output.ts'
import { run } from './run.ts'

// The program of a child process: waits for its job and does it. It imports just what every job needs.
let begun = false
let exits = false
process.once('exit', () => {
  exits = true
})
let targetRuns = () => {}
const running = new Promise<void>(resolve => {
  targetRuns = resolve
})
const line = lineToOwner<Report, Order>({ heard, usersMessage: message => take(message) })
const take = offerMessages(line)
void line.closed.then(() => begun || process.exit())
printAtOnce()
if (process.platform === 'win32') standInForSignals()

/** Windows knows no signal that a process may handle: a target that listens for SIGTERM is told by the line. */
function standInForSignals(): void {
  process.on('newListener', event => {
    if (event === 'SIGTERM') void send({ kind: 'cooperative' })
  })
}

function heard(order: Order): void {
  if (order.kind === 'stop') {
    if (!process.emit('SIGTERM', 'SIGTERM')) process.exit(1)
  } else if (order.kind === 'ask') void send({ kind: 'answer', answer: howItIs() })
  else if (begun) return
  else if (order.kind === 'rehearse')
    void import('./rehearse.ts').then(({ rehearse }) => rehearse(order.at, send, running))
  else begin(order.job)
}

function begin(job: Job): void {
  begun = true
  process.title = `zproc ${job.name}`
  const is = becomeProcess(job, ask => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ask(signal))
  })
  if (hasTracer()) process.once('SIGTERM', () => void endFlushed())
  if (process.argv[2] !== 'untied')
    endWithOwner(line, {
      before: () => is.ask(new Error(`the parent process (pid ${job.parent.pid}) is gone`)),
      // The guard of the parent ends it sooner, where there is one.
      grace: () => (is.cooperates() ? 1000 : 0),
    })
  // Without anything else to do, a target may still be waiting when its parent is gone.
  else void line.closed.then(holdOpen)
  void run(job, { send, end: exitNow })
}

/** SIGTERM ends it all the same, once what a tracing system has recorded is out; a target that listens decides itself. */
async function endFlushed(): Promise<void> {
  if (process.listenerCount('SIGTERM') > 0) return
  await flushTraces()
  process.kill(process.pid, 'SIGTERM')
}

/** A parent that is gone needs no report. */
function send(report: Report): Promise<void> {
  if (report.kind === 'running') targetRuns()
  return new Promise(resolve => {
    line.send(report, resolve)
    // Once an exit has begun Node calls back no more. The kernel has the report by now.
    if (exits) resolve()
  })
}
