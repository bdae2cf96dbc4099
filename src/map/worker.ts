import type { Socket } from 'node:net'
import type { State } from '../client/state.ts'
import { Channel } from '../transport/channel.ts'
import { connectSocket } from '../transport/secure.ts'
import { ChunkRunner } from './chunk-runner.ts'
import { FromWorker, type PoolMessage, ToWorker, type WorkerMessage } from './messages.ts'
import { Task } from './task.ts'

/** The target of a pool's worker: connects to its pool and runs chunks until the connection ends. */
export default async function work(state: State, path: string, worker: number): Promise<void> {
  const tasks = new Map<number, Task>()
  const socket = await new Promise<Socket>((resolve, reject) => {
    const connecting = connectSocket({ path }, undefined, () => resolve(connecting))
    connecting.once('error', reject)
  })
  await new Promise<void>(resolve => {
    const channel = Channel.over(socket, {
      frame: messages => {
        for (const message of messages as PoolMessage[]) take(message)
      },
      lost: () => resolve(),
    })
    const tell = (message: WorkerMessage) => channel.sendNow(message)
    const sent = () =>
      socket.writableLength === 0 ? undefined : new Promise<void>(done => socket.write('', () => done()))
    const runner = new ChunkRunner(tell, sent)
    const take = (message: PoolMessage): void => {
      const [kind, number] = message
      if (kind === ToWorker.job)
        tasks.set(number, new Task(message[2], message[3], message[4], state, `worker ${worker}`))
      else if (kind === ToWorker.cancel)
        tasks.get(number)?.cancelled.abort(new Error('the map was cancelled'))
      else if (kind === ToWorker.forget) {
        tasks.get(number)?.end()
        tasks.delete(number)
      } else if (kind === ToWorker.chunk) runner.add(tasks.get(number) as Task, message[2], message[3])
    }
    tell([FromWorker.joined, worker])
  })
}
