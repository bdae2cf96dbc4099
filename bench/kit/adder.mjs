// Adds to a counter in shared memory when told to.
import { parentPort, workerData } from 'node:worker_threads'

const { counter, each } = workerData
parentPort.on('message', () => {
  for (let i = 0; i < each; i++) Atomics.add(counter, 0, 1)
  parentPort.postMessage('done')
})
