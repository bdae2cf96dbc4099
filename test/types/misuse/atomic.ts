import { atomic, type Draft, State } from 'zproc'

interface Shop {
  cookies: number
}

const shop = new State<Shop>('ipc:///tmp/shop')
const add = atomic((state: Draft<Shop>, step: number) => {
  state.cookies += step
  return state.cookies
})

// TS2554: an argument is missing
await add(shop)

// TS2345: an argument is of another type
await add(shop, '5')

// TS2554: an argument too many
await add(shop, 5, 6)

// TS2345: a State of another shape
await add(new State<{ cakes: string }>('ipc:///tmp/shop'), 5)

// TS2345: a State in which the key is of another type
await add(new State<{ cookies: string }>('ipc:///tmp/shop'), 5)

// TS2353: a plain object instead of a State
await add({ cookies: 1 }, 5)

// TS2322: the result is of another type
const text: string = await add(shop, 5)

// TS2365: the result was not awaited
console.log(add(shop, 5) + 1)

// TS2551: a key that the state does not have
atomic((state: Draft<Shop>) => state.cokies)

// TS2345: no function at all
atomic('increment')
