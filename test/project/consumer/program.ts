// What a user of the packed package might write. packaging.test.ts compiles it against the packed declarations
// in a project that has nothing else, and runs it there with plain node.
import { atomic, Context, type Draft, KeyError, ping, State, startServer } from 'zproc'

interface Shop {
  cookies: number
  sold: string[]
}

const sell = atomic((state: Draft<Shop>, kind: string) => {
  state.cookies -= 1
  state.sold.push(kind)
  return state.cookies
})

const server = await startServer()
const seller = new State<Shop>(server.address)
const buyer = new State<Shop>(server.address)

await seller.set({ cookies: 3, sold: [] })
const soldOut = buyer.getWhenEqual('cookies', 0)
for (const kind of ['oat', 'nut', 'plain']) console.log(`${kind}: ${await sell(seller, kind)} left`)
const { sold } = await soldOut
console.log(`sold out: ${sold.join(', ')}`)
await seller.delete('sold')
await seller.pop('sold').catch((error: unknown) => console.log(error instanceof KeyError && error.code))
console.log(`the server is a process of its own: ${(await ping(server.address)) !== process.pid}`)

await seller.close()
await buyer.close()
await server.stop()

const ctx = new Context<Shop>({ server: { historyLimit: 1000 } })
await ctx.state.set({ cookies: 0, sold: [] })
const bakers = ctx.processFactory((state, many: number) => state.set('cookies', many).then(() => many * 2), {
  count: 2,
  args: [21],
})
console.log(
  `two processes: ${(await ctx.waitAll()).join(', ')}, and ${await ctx.state.get('cookies')} cookies`,
)
console.log(`no two are one: ${new Set([process.pid, ...bakers.map(baker => baker.pid)]).size}`)
// Not closed: the processes and the server end with this program.
