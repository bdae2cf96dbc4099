import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Context } from '../../dist/index.js'
import { inTurn, sized, timed } from './rounds.mjs'

const MANY = sized(50)
const now = () => performance.timeOrigin + performance.now()
const firstLine = () => performance.timeOrigin + performance.now()
const at = name => new URL(`./${name}.mjs`, import.meta.url)

const warm = new Context({ stateful: false, spares: 1 })
const cold = new Context({ stateful: false, spares: 0 })
await Promise.all([warm.ready, cold.ready])

const starts = {
  'bare: child_process.fork': async () => {
    const began = now()
    const child = fork(at('empty'))
    const exited = once(child, 'exit')
    const [line] = await once(child, 'message')
    await exited
    return line - began
  },
  'bare: new Worker': async () => {
    const began = now()
    const worker = new Worker(at('thread'))
    const exited = once(worker, 'exit')
    const [line] = await once(worker, 'message')
    await exited
    return line - began
  },
  'a process, a spare standing ready': async () => took(now(), await warm.process(firstLine).wait()),
  'the same, with a State': async () => took(now(), await warm.process(firstLine, { stateful: true }).wait()),
  'a process, no spare': async () => took(now(), await cold.process(firstLine).wait()),
  'a thread': async () => took(now(), await cold.process(firstLine, { backend: 'thread' }).wait()),
}
// The next spare is made 50 ms after a start, and rehearses 300 ms later: not while something else is measured.
const alone = run => () => delay(700).then(run)
const first = await inTurn(
  sized(15),
  Object.fromEntries(Object.entries(starts).map(([name, run]) => [name, alone(run)])),
)
const many = await inTurn(sized(5), {
  'bare forks of an empty script': () =>
    timed(() => Promise.all(Array.from({ length: MANY }, () => once(fork(at('idle')), 'exit')))),
  'processes of zproc': () =>
    timed(() => Promise.all(cold.processFactory(() => {}, { count: MANY }).map(p => p.wait()))),
})
await warm.close()
await cold.close()
console.log(
  JSON.stringify([
    ['From a start to the first line of the target', 'ms', first],
    ['50 at once, from the first start to the last end', 'ms', many],
  ]),
)

// The start is read off the clock before the call, since arguments are evaluated from left to right.
function took(began, line) {
  return line - began
}
