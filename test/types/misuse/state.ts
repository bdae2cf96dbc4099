import { State } from 'zproc'

const shop = new State<{ cookies: number; sold: string[]; owner?: { name: string } }>('ipc:///tmp/shop')

const sessions = new State<Record<string, { user: string }>>('ipc:///tmp/shop')
declare const either: 'owner' | 'sold'

// TS2345: get of a key that the state does not have
await shop.get('cokies')

// TS2322: a value is what the state's type says
const text: string = await shop.get('cookies')

// TS2532: a key that may be missing is undefined until looked at
console.log((await shop.get('owner')).name)

// TS2322: a key of an index signature may be missing
const session: { user: string } = await sessions.get('nobody')

// TS2322: and so it may in a view
const seen: { readonly user: string } = (await sessions.view()).get('nobody')

// TS2322: a key that conditions may find missing is not narrowed
const owner: { readonly name: string } = (await shop.getWhenNotEqual('owner', { name: 'me' })).owner

// TS2322: of a key that is one of several it is not known which one was narrowed
const both: { readonly name: string } = (await shop.getWhenNotNone(either)).owner

// TS2345: set of a value of another type
await shop.set('cookies', 'many')

// TS2741: set of a whole state that lacks a key
await shop.set({ cookies: 1 })

// TS2561: update with a key that the state does not have
await shop.update({ cokies: 1 })

// TS2345: delete of a key that the state does not have
await shop.delete('cokies')

// TS2345: setDefault with a value of another type
await shop.setDefault('sold', 3)

// TS2322: a fallback of another type widens what get gives
const missing: { name: string } = await shop.get('owner', null)

// TS2322: the value of a key is not there before it was awaited
const count: number = shop.get('cookies')

// TS2345: waiting for a value that the key never has
await shop.getWhenEqual('cookies', 'none')

// TS2769: waiting for a change of a key that the state does not have
await shop.getWhenChange('cokies')

// TS2540: a snapshot is frozen
;(await shop.getWhenChange()).cookies = 1

// TS2339: a snapshot is frozen all the way down
;(await shop.getWhenAvailable('sold')).sold.push('oat')

// TS2540: a test looks at a snapshot and does not change it
await shop.getWhen(state => (state.cookies = 3))

// TS2551: a test sees the keys of the state alone
await shop.getWhen(state => state.cokies > 3)

// TS2353: exclude belongs to the watchers of changes
await shop.getWhenEqual('cookies', 3, { exclude: true })

// TS2322: a timeout is a number of milliseconds
await shop.getWhenNone('owner', { timeout: '3s' })

// TS2561: an option that does not exist
await shop.getRawUpdate({ duplicatesOkay: true })

// TS2504: a one-shot watcher is no loop
for await (const state of shop.getWhenChange()) console.log(state)

// TS2488: a state is iterated with for await
for (const key of shop) console.log(key)

// TS2554: a State needs the address of its server
new State()

// TS2345: an address that may be undefined
new State(process.env.ADDRESS)

// TS2322: a fork of the same namespace has the same type
const flags: State<{ beta: boolean }> = shop.fork()

// TS2353: an option that a State does not have
new State('ipc:///tmp/shop', { secret: 'x' })

// TS2540: an address is given once
shop.serverAddress = 'ipc:///tmp/other'

// TS2540: what the view of a state shows is frozen
;(await shop.view()).snapshot.cookies = 1
