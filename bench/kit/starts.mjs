import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Context } from '../../dist/index.js'

const ROUNDS = 15
const MANY = 50
const now = () => performance.timeOrigin + performance.now()
const firstLine = () => performance.timeOrigin + performance.now()
const at = name => new URL(`./${name}.mjs`, import.meta.url)

const warm = new Context({ stateful: false, spares: 1 })
const cold = new Context({ stateful: false, spares: 0 })
await Promise.all([warm.ready, cold.ready])

const starts = {
  'a process, a spare standing ready': async () => {
    // Its successor is made 50 ms after a start.
    await delay(400)
    return took(now(), await warm.process(firstLine).wait())
  },
  'a process, no spare': async () => took(now(), await cold.process(firstLine).wait()),
  'a thread': async () => took(now(), await cold.process(firstLine, { backend: 'thread' }).wait()),
  'bare: child_process.fork': async () => {
    const began = now()
    const child = fork(at('empty'))
    const exited = once(child, 'exit')
    const [line] = await once(child, 'message')
    await exited
    return took(began, line)
  },
  'bare: new Worker': async () => {
    const began = now()
    const worker = new Worker(at('thread'))
    const exited = once(worker, 'exit')
    const [line] = await once(worker, 'message')
    await exited
    return took(began, line)
  },
}

function took(began, line) {
  return line - began
}

console.log('Milliseconds to the first line of a target')
const figures = Object.fromEntries(Object.keys(starts).map(name => [name, []]))
for (let round = -1; round < ROUNDS; round++)
  for (const [name, start] of Object.entries(starts)) {
    const figure = await start()
    if (round >= 0) figures[name].push(figure)
  }
for (const [name, all] of Object.entries(figures)) show(name, median(all), 'ms')

const many = { zproc: [], bare: [] }
for (let round = 0; round < 3; round++) {
  many.zproc.push(
    await time(() => Promise.all(cold.processFactory(() => {}, { count: MANY }).map(p => p.wait()))),
  )
  many.bare.push(
    await time(() => Promise.all(Array.from({ length: MANY }, () => once(fork(at('idle')), 'exit')))),
  )
}
console.log(`${MANY} at once, from the first start to the last end`)
show('processes of zproc', median(many.zproc), 'ms')
show('bare forks of an empty script', median(many.bare), 'ms')
show('ratio', median(many.zproc) / median(many.bare), '×')
await warm.close()
await cold.close()

async function time(run) {
  const began = performance.now()
  await run()
  return performance.now() - began
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
}

function show(name, figure, unit) {
  console.log(`  ${name.padEnd(40)} ${figure.toFixed(2).padStart(9)} ${unit}`)
}
