import { parentPort } from 'node:worker_threads'

parentPort.postMessage(performance.timeOrigin + performance.now())
