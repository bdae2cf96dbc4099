// Two processes bake cookies, two eat them, one watches. All of them share one state.
import { setTimeout as sleep } from 'node:timers/promises'
import { atomic, Context, type State } from 'zproc'

interface Kitchen {
  cookies: number
  baked: number
  eaten: number
  watched?: boolean
}

const total = 10

// Each runs at the server, as one step: no process ever sees, or takes, half of it.
const bake = atomic((kitchen: Kitchen) => {
  kitchen.cookies++
  return ++kitchen.baked
})
const eat = atomic((kitchen: Kitchen) => {
  if (kitchen.cookies === 0) return 0
  kitchen.cookies--
  return ++kitchen.eaten
})

const ctx = new Context<Kitchen>()
await ctx.state.set({ cookies: 0, baked: 0, eaten: 0 })
console.log(`The main program is pid ${process.pid}. The state is kept by pid ${await ctx.ping()}.`)

ctx.process(async function watcher(state: State<Kitchen>) {
  await state.set('watched', true)
  const most = { cookies: 0 }
  for await (const { before, after, by } of state.rawUpdates()) {
    console.log(
      `  watcher ${process.pid}: ${by.name} ${by.pid} made ${before.cookies} cookies ${after.cookies}`,
    )
    most.cookies = Math.max(most.cookies, after.cookies)
    if (after.eaten === total) break
  }
  return `watcher (pid ${process.pid}) saw up to ${most.cookies} cookies at once`
})
await ctx.state.getWhenAvailable('watched')

ctx.processFactory(
  async function baker(state: State<Kitchen>) {
    for (let i = 0; i < total / 2; i++) {
      console.log(`baker ${process.pid}: here is cookie ${await bake(state)}`)
      await sleep(20)
    }
    return `baker (pid ${process.pid}) baked ${total / 2} cookies`
  },
  { count: 2 },
)

ctx.processFactory(
  async function eater(state: State<Kitchen>) {
    for (let mine = 0; ; ) {
      // Live: not the cookies of a while ago, which the other may have eaten, but those of now.
      const { eaten } = await state.getWhen(now => now.cookies > 0 || now.eaten === total, { live: true })
      if (eaten === total) return `eater (pid ${process.pid}) ate ${mine} cookies`
      const cookie = await eat(state)
      if (cookie === 0) continue
      mine++
      console.log(`eater ${process.pid}: nom nom nom, the ${cookie}. of ${total}`)
    }
  },
  { count: 2 },
)

for (const summary of await ctx.waitAll()) console.log(summary)
console.log(`${await ctx.state.get('cookies')} cookies are left`)
