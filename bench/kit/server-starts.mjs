import { fork } from 'node:child_process'
import { once } from 'node:events'
import { State, startServer } from '../../dist/index.js'
import { inTurn, sized } from './rounds.mjs'

const started = backend => async () => {
  const began = performance.now()
  const server = await startServer(null, { backend })
  const state = new State(server.address)
  await state.set('key', 1)
  const took = performance.now() - began
  await state.close()
  await server.stop()
  return took
}

const figures = await inTurn(sized(15), {
  'bare: child_process.fork, its first message': async () => {
    const began = performance.now()
    const child = fork(new URL('./empty.mjs', import.meta.url))
    const exited = once(child, 'exit')
    await once(child, 'message')
    const took = performance.now() - began
    await exited
    return took
  },
  'in a process': started('process'),
  'in a thread': started('thread'),
  'in this process': started('inline'),
})
console.log(JSON.stringify([['From startServer to the first acknowledged set', 'ms', figures]]))
