// One process makes peanuts faster than the others can eat them. What do these see of it?
import { setTimeout as sleep } from 'node:timers/promises'
import { atomic, Context, type State } from 'zproc'

interface Field {
  peanuts: number
  hungry: number
}

const grow = atomic((field: Field) => {
  field.peanuts++
})
const sitDown = atomic((field: Field) => {
  field.hungry++
})

const ctx = new Context<Field>()
await ctx.state.set({ peanuts: 0, hungry: 0 })

// Never returns; it ends together with the main program.
ctx.process(async function generator(state: State<Field>) {
  await state.getWhenEqual('hungry', 3)
  for (;;) {
    await grow(state)
    await sleep(20)
  }
})

async function eat(state: State<Field>, live: boolean, skipAhead: boolean): Promise<number[]> {
  await sitDown(state)
  const eaten: number[] = []
  while (eaten.length < 5) {
    const { peanuts } = await state.getWhenChange('peanuts', { live })
    eaten.push(peanuts)
    await sleep(100)
    if (skipAhead) state.goLive()
  }
  return eaten
}

// Live television: what happens while you are away is gone.
const live = ctx.process(eat, { args: [true, false] })
// A recording: nothing is missed, but you are ever further behind.
const buffered = ctx.process(eat, { args: [false, false] })
// A recording with a button "skip to live".
const hybrid = ctx.process(eat, { args: [false, true] })

console.log(`live:     ${(await live.wait()).join(' ')}`)
console.log(`buffered: ${(await buffered.wait()).join(' ')}`)
console.log(`hybrid:   ${(await hybrid.wait()).join(' ')}`)
