// Adds to a counter in shared memory when told to.
import { parentPort, workerData } from 'node:worker_threads'

const { counter } = workerData
parentPort.on('message', times => {
  for (let i = 0; i < times; i++) Atomics.add(counter, 0, 1)
  parentPort.postMessage('done')
})
