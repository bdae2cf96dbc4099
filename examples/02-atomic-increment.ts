// Fifty processes increment one number. Reading, adding and writing in three steps would lose most of the work.
import { atomic, Context, type State } from 'zproc'

interface Counter {
  count: number
}

const processes = 50
const times = 20

const increment = atomic((state: Counter, step: number) => {
  state.count += step
})

const ctx = new Context<Counter>()
await ctx.state.set('count', 0)

ctx.processFactory(
  async (state: State<Counter>) => {
    for (let i = 0; i < times; i++) await increment(state, 1)
  },
  { count: processes },
)
await ctx.waitAll()

console.log(`${processes} processes × ${times} increments = ${await ctx.state.get('count')}`)
