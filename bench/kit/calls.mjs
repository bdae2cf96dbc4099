// A program that makes calls when it is told to, with the build of zproc that its argument names, and is its own server: what it says
// is the processor time of both ends, in microseconds for each call.
const { atomic, State, startServer } = await import(process.argv[2])
const increment = atomic(state => {
  state.count += 1
  return state.count
})
const add = atomic((state, n) => {
  state.count += n
  return state.count
})
const server = await startServer(null, { backend: 'inline' })
const state = new State(server.address)
await state.set('count', 0)

const calls = {
  set: i => state.set('key', i),
  get: () => state.get('key'),
  atomic: () => increment(state),
  'atomic with an argument': () => add(state, 1),
}

process.on('message', async message => {
  if (message === 'stop') {
    await state.close()
    await server.stop()
    return process.disconnect()
  }
  const call = calls[message.call]
  const before = process.cpuUsage()
  let next = 0
  const lane = async () => {
    while (next < message.count) await call(next++)
  }
  await Promise.all(Array.from({ length: 500 }, lane))
  const { user, system } = process.cpuUsage(before)
  process.send((user + system) / message.count)
})
process.send('ready')
