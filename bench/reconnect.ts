// How soon is the first request answered after a connection was cut, and after a server was away?
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { State, startServer } from 'zproc'
import { mustBe, type Samples, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

const server = await startServer()
const way = await openWay(server.address.slice('ipc://'.length))
const state = new State<{ n: number }>(way.address)
await state.set('n', 0)
let n = 0

/** Milliseconds until a request that is made now is answered. */
async function answered(): Promise<number> {
  const began = performance.now()
  await state.set('n', ++n)
  return performance.now() - began
}

const figures: Record<string, Samples> = { 'no fault': [], cut: [] }
for (let i = 0; i < sized(200); i++) {
  figures['no fault']?.push(await answered())
  way.cut()
  figures.cut?.push(await answered())
}
for (const away of [10, 100, 1000, 3000]) {
  const name = `away for ${away} ms`
  figures[name] = []
  for (let i = 0; i < sized(away < 1000 ? 30 : 6); i++) {
    await way.close()
    const asked = state.set('n', ++n)
    await new Promise(resolve => setTimeout(resolve, away))
    await way.open()
    const began = performance.now()
    await asked
    figures[name].push(performance.now() - began)
  }
}
mustBe('the last write', await state.get('n'), n)
report('The first request, from the cut, or from the listener being back', 'ms', figures)
await state.close()
await way.close()
await server.stop()

/** A way to the server that can be cut. */
async function openWay(path: string) {
  const sockets = new Set<Socket>()
  const listener = createServer(client => {
    const upstream = connect({ path })
    for (const socket of [client, upstream])
      sockets.add(socket.on('error', () => {}).once('close', () => sockets.delete(socket)))
    client.pipe(upstream).pipe(client)
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as { port: number }
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    address: `tcp://127.0.0.1:${port}`,
    cut,
    close: async () => {
      const closed = once(listener, 'close')
      listener.close()
      cut()
      await closed
    },
    open: async () => {
      listener.listen(port, '127.0.0.1')
      await once(listener, 'listening')
    },
  }
}
