// Programs that were started separately meet at an address that both of them know.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atomic, Context, ping, startServer } from 'zproc'

interface Shop {
  open: boolean
  orders: string[]
}

const address = process.env.SHOP_ADDRESS ?? `ipc://${join(tmpdir(), 'zproc-example-shop.sock')}`

const order = atomic((shop: Shop, what: string) => shop.orders.push(what))

if (process.argv[2] === 'customer') await customer()
else await shopkeeper()

/** The first program: it has the server, and its state outlives every customer. */
async function shopkeeper() {
  const server = await startServer(address)
  const ctx = new Context<Shop>(address)
  await ctx.state.set({ open: true, orders: [] })
  console.log(`shop ${process.pid}: open, the server is pid ${server.pid}`)

  const program = fork(fileURLToPath(import.meta.url), ['customer'])
  const left = once(program, 'exit')
  const { orders } = await ctx.state.getWhen(shop => shop.orders.length === 2, { live: true })
  console.log(`shop ${process.pid}: ordered were ${orders.join(' and ')}`)
  await ctx.state.set('open', false)
  await left

  await ctx.close()
  await server.stop()
}

/** The second program: could be in another terminal, or written by somebody else. */
async function customer() {
  const pid = await ping(address, { timeout: 5000 })
  const ctx = new Context<Shop>(address)
  console.log(`customer ${process.pid}: the server answers, it is pid ${pid}`)
  for (const what of ['an oat cookie', 'a nut cookie']) await order(ctx.state, what)
  await ctx.state.getWhenEqual('open', false)
  console.log(`customer ${process.pid}: it is closed, I go home`)
  await ctx.close()
}
