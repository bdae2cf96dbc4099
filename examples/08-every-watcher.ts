// All that can be waited for, by a promise, by a loop, and by a process of its own.
import { atomic, Context, type Snapshot, type State } from 'zproc'

interface Market {
  gold?: number | null
  silver?: number
}

interface Heard {
  by: string[]
}

const ctx = new Context<Market>()
const { state } = ctx
// The handlers report in another namespace: there they do not wake each other.
const heard = state.fork({ namespace: 'heard' }) as unknown as State<Heard>
await heard.set('by', [])
const tell = atomic((room: Heard, name: string) => {
  if (!room.by.includes(name)) room.by.push(name)
})

// Called in a process of its own at each update that matches, the first of which may come at once.
function report(name: string) {
  return async ({ gold }: Snapshot<Market>, state: State<Market>) => {
    console.log(`  ${name} in process ${process.pid}: gold is ${gold}`)
    const room = state.fork({ namespace: 'heard' }) as unknown as State<Heard>
    await tell(room, name)
    await room.close()
  }
}
ctx.callWhenChange('gold', 'silver')(report('callWhenChange'))
ctx.callWhen(({ gold }) => typeof gold === 'number' && gold < 40)(report('callWhen'))
ctx.callWhenEqual('gold', 50)(report('callWhenEqual'))
ctx.callWhenNotEqual('gold', 50)(report('callWhenNotEqual'))
ctx.callWhenNone('gold')(report('callWhenNone'))
ctx.callWhenNotNone('gold')(report('callWhenNotNone'))
ctx.callWhenAvailable('gold')(report('callWhenAvailable'))

const market = ctx.process(async function market(state: State<Market>) {
  for (const gold of [null, 50, 45, 35]) await state.set('gold', gold)
  await state.set('silver', 1)
  await state.delete('gold')
})

// Buffered watching misses nothing: it does not matter whether the market is ahead of these lines.
const show = (name: string, { gold }: Snapshot<Market>) => console.log(`${name}: gold is ${gold}`)
show('getWhenChange', await state.getWhenChange())
show('getWhenAvailable', await state.getWhenAvailable('gold'))
show('getWhenNone', await state.getWhenNone('gold'))
show('getWhenNotNone', await state.getWhenNotNone('gold'))
show('getWhenEqual', await state.getWhenEqual('gold', 50))
show('getWhenNotEqual', await state.getWhenNotEqual('gold', 50))
show('getWhen', await state.getWhen(({ gold }) => typeof gold === 'number' && gold < 40))
show('getWhenChange, all keys but gold', await state.getWhenChange('gold', { exclude: true }))
const { before, after, by } = await state.getRawUpdate()
console.log(`getRawUpdate: ${by.name} called ${by.method}, gold was ${before.gold} and is ${after.gold}`)

// And nothing more is to come.
await market.wait()
await state.getWhenChange({ timeout: 50 }).catch(error => console.log(`getWhenChange: ${error.name}`))

// The loop of a condition begins with the state as it is, if it holds already.
await heard.getWhen(room => room.by.length === 7, { live: true })
for await (const { by } of heard.whenAvailable('by', { live: true })) {
  console.log(`whenAvailable: heard by ${[...by].sort().join(', ')}`)
  break
}
