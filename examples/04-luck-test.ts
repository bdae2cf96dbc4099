// A wheel of fortune. Whoever first shouts while his number shows has won: luck, and quick wits.
import { setTimeout as sleep } from 'node:timers/promises'
import { atomic, Context, type State } from 'zproc'

interface Wheel {
  players: string[]
  turns: number
  number: number
  winner?: { name: string; number: number; turns: number }
}

const join = atomic((wheel: Wheel, name: string) => {
  wheel.players.push(name)
})

const spin = atomic((wheel: Wheel, number: number) => {
  if (wheel.winner) return false
  wheel.number = number
  wheel.turns++
  return true
})

// However many shout at the same time, the server hears one after the other.
const shout = atomic((wheel: Wheel, name: string, number: number) => {
  if (wheel.winner || wheel.number !== number) return false
  wheel.winner = { name, number, turns: wheel.turns }
  return true
})

const ctx = new Context<Wheel>()
await ctx.state.set({ players: [], turns: 0, number: 0 })

const players = ['Ada', 'Bob', 'Cleo'].map((name, i) =>
  ctx.process(
    async function player(state: State<Wheel>, luckyNumber: number) {
      await join(state, name)
      for await (const { winner } of state.when(now => now.winner || now.number === luckyNumber))
        if (winner || (await shout(state, name, luckyNumber))) break
      const { winner } = await state.copy()
      return `${name} (number ${luckyNumber}) ${winner?.name === name ? 'has won' : 'goes home'}`
    },
    { args: [2 * i + 2], name },
  ),
)

await ctx.state.getWhen(({ players }) => players.length === 3, { live: true })
for (;;) {
  const number = 1 + Math.floor(Math.random() * 6)
  if (!(await spin(ctx.state, number))) break
  console.log(`the wheel shows ${number}`)
  await sleep(20)
}

for (const player of players) console.log(await player.wait())
const { name, turns } = (await ctx.state.getWhenAvailable('winner')).winner!
console.log(`${name} won at turn ${turns}`)
