// Several states on one server. What happens in one namespace is not seen in the others.
import { atomic, Context, type State } from 'zproc'

interface Kitchen {
  cookies: number
}

const kinds = ['oat', 'nut']
const bake = atomic((kitchen: Kitchen, count: number) => {
  kitchen.cookies = (kitchen.cookies ?? 0) + count
})

const ctx = new Context<Kitchen>()
await ctx.state.set('cookies', 100)

for (const [i, kind] of kinds.entries()) {
  // Any process of this context may work in a namespace of its own.
  ctx.process((state: State<Kitchen>) => bake(state, i + 1), { namespace: kind, name: `${kind} baker` })
}
await ctx.waitAll()

console.log(`${ctx.namespace}: ${await ctx.state.get('cookies')} cookies`)
for (const kind of kinds) {
  const kitchen = ctx.state.fork({ namespace: kind })
  console.log(`${kind}: ${await kitchen.get('cookies')} cookies`)
  await kitchen.close()
}
