// A counter whose server is killed in the middle of the work, and that goes on as if nothing had happened.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atomic, Context, startServer } from 'zproc'

interface Counter {
  count: number
}

const folder = await mkdtemp(join(tmpdir(), 'zproc-survives-'))
const address = `ipc://${join(folder, 'socket')}`
const data = join(folder, 'data')

let server = await startServer(address, { data })
const ctx = new Context<Counter>(address)
await ctx.state.set({ count: 0 })

const increment = atomic((state: Counter) => ++state.count)
ctx.processFactory(
  async state => {
    const results: number[] = []
    for (let i = 0; i < 250; i++) results.push(await increment(state))
    return results
  },
  { count: 4 },
)

for (const half of [250, 500, 750]) {
  await ctx.state.getWhen(({ count }) => count >= half, { live: true })
  process.kill(server.pid, 'SIGKILL')
  const { signal } = await server.exited
  server = await startServer(address, { data })
  console.log(`the server was ended by ${signal}; the next one goes on at ${half} or more`)
}

const results = (await ctx.waitAll()) as number[][]
console.log(`4 × 250 increments = ${await ctx.state.get('count')}`)
console.log(`each number was returned once: ${new Set(results.flat()).size === 1000}`)

await ctx.close()
await server.stop()
await rm(folder, { recursive: true })
