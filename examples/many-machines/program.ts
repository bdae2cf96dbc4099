// The same program on each machine: all that it knows is the address. See run.sh.
import { atomic, Context, type State } from 'zproc'

interface Hall {
  count: number
  unplug: string
}

const address = process.argv[2] as string
const machine = process.env.MACHINE as string
const machines = ['one', 'two', 'three']

const increment = atomic((hall: Hall) => {
  hall.count = (hall.count ?? 0) + 1
})

const ctx = new Context<Hall>(address)
// It is at work for as long as it lives.
await ctx.state.set(machine as never, 'at work' as never, { ephemeral: true })
await ctx.state.getWhen(hall => machines.every(machine => machine in hall))
for (let i = 0; i < 100; i++) await increment(ctx.state)
await ctx.state.getWhenEqual('count', 300)
console.log(`${machine}: together we have counted to 300`)
if (machine === 'one') await map()
await ctx.close()

/** The workers are on the other machines. Whoever computes on the third does not come to an end. */
async function map(): Promise<void> {
  const square = async (state: State<Hall>, x: number) => {
    const machine = process.env.MACHINE as string
    if (machine === 'three') {
      await state.set('unplug', machine)
      await new Promise(() => {})
    }
    // However late the third has joined.
    await state.getWhenEqual('unplug', 'three')
    return `${x * x} from ${machine}`
  }
  const squares = ctx.processMap(square, [1, 2, 3, 4], { pool: 'shared', stateful: true, chunkSize: 1 })
  await ctx.state.getWhenEqual('unplug', 'three')
  console.log('unplug three')
  const began = performance.now()
  console.log((await squares.toArray()).join(', '))
  console.log(`${Math.round(performance.now() - began)} ms after it was unplugged`)
}
