// A worker of a BullMQ queue: adds one to each number of a job. A job that says so is never done by the first who gets it.
import { Worker } from 'bullmq'

const [port, queue] = process.argv.slice(2)
const add = async job => {
  if (job.data.hangs && job.attemptsStarted === 1) {
    process.send('hangs')
    await new Promise(() => {})
  }
  return job.data.items.map(x => x + 1)
}
const worker = new Worker(queue, add, {
  connection: { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null },
  concurrency: 64,
  // By default a worker is missed after 30 to 60 seconds: this is about as soon as zproc does it.
  lockDuration: 5000,
  stalledInterval: 2500,
})
worker.on('error', () => {})
await worker.waitUntilReady()
process.send('ready')
