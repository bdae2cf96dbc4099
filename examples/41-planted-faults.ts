// Four faults, planted: a deadlock, a worker that is stuck, a watcher that is slow, and a process that crashes again and again. Prints
// what zproc says of each. With the argument `stay` it goes on until Ctrl-C, for `npx zproc status`, `top`, `tree` and `inspect`.
import { atomic, Context, describeServer, diagnose, type State, startServer } from 'zproc'

const stays = process.argv.includes('stay')
const silent = { info() {}, warn() {}, error() {} }
// A lock that nothing else ends is ended after that: long enough to look at it.
const server = await startServer(null, { atomicTimeout: 600_000 })
const ctx = new Context<Record<string, unknown>>(server.address, { logger: silent })
console.log(`npx zproc status ${server.address}`)

// Each of two clerks has one namespace to itself, and waits for that of the other.
const clerk = async (state: State, own: string, wanted: string) => {
  const [mine, theirs] = [state.fork({ namespace: own }), state.fork({ namespace: wanted })]
  const settle = atomic(async function settle(_: object) {
    await state.set(`${own} is taken`, true)
    await state.getWhenAvailable(`${wanted} is taken`)
    await theirs.set('settled', true)
  })
  await settle(mine)
}
ctx.process(clerk, { name: 'clerk', args: ['orders', 'stock'] })
ctx.process(clerk, { name: 'other clerk', args: ['stock', 'orders'] })

// One item of a map never comes to an end: the event loop of its worker does not turn.
const thumbnail = (picture: number) => {
  if (picture === 3) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  return picture
}
const pictures = ctx.processMap(
  thumbnail,
  Array.from({ length: 40 }, (_, i) => i),
  { chunkSize: 1 },
)
pictures.toArray().catch(() => {})

// A watcher that does not come back for the updates that it is sent.
const reader = async (state: State) => {
  const news = state.fork({ namespace: 'news' })
  for await (const _ of news.rawUpdates()) {
    await state.set('the reader reads', true)
    await new Promise(() => setInterval(() => {}, 60_000))
  }
}
ctx.process(reader, { name: 'reader' })
const news = ctx.state.fork({ namespace: 'news' })
const text = 'x'.repeat(1000)
const published = setInterval(() => news.set('headline', `${performance.now()} ${text}`).catch(() => {}), 10)
await ctx.state.getWhenAvailable('the reader reads')
clearInterval(published)
for (let n = 0; n < 5000; n += 100)
  await Promise.all(Array.from({ length: 100 }, (_, i) => news.set('headline', `${n + i} ${text}`)))

// A process that ends with exit code 1 as soon as it has begun.
const baker = () => {
  console.log('baker: the oven is on fire')
  process.exit(1)
}
ctx.process(baker, { name: 'baker', stateful: false, retryFor: [Error], retryDelay: 100, stdio: 'pipe' })

const expected = [
  /^deadlock: /,
  /^worker \d+ \(pid \d+\) has had /,
  /^a reader of news /,
  /^baker restarted /,
]
let lines: string[] = []
while (!expected.every(form => lines.some(line => form.test(line)))) {
  await new Promise(resolve => setTimeout(resolve, 250))
  lines = diagnose(await describeServer(server.address))
}
for (const form of expected) console.log(lines.find(line => form.test(line)))

if (stays) await new Promise(resolve => process.once('SIGINT', resolve))
await ctx.close()
await server.stop()
