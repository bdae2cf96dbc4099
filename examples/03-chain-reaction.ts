// A row of dominoes: each process waits for the one before it to fall, and then falls itself.
import { Context, type State } from 'zproc'

interface Row {
  fallen: number
}

const ctx = new Context<Row>()
await ctx.state.set('fallen', 0)

for (const number of [5, 4, 3, 2, 1]) {
  ctx.process(
    async (state: State<Row>, own: number) => {
      await state.getWhenEqual('fallen', own - 1)
      console.log(`domino ${own} falls`)
      await state.set('fallen', own)
    },
    { args: [number], name: `domino ${number}` },
  )
}

// Nobody has looked at a clock, nor asked again and again: a process that waits does nothing at all.
await ctx.waitAll()
console.log(`${await ctx.state.get('fallen')} dominoes lie on the floor`)
