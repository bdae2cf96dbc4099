// What do a million small keys take, against a bare Map? And a commit, a State that watches, a client?
// Each is held by a new process; its resident memory is read from /proc, before and after, without garbage.
import { existsSync } from 'node:fs'
import { State } from 'zproc'
import { aliases } from './kit/aliases.ts'
import { type Holder, startHolder } from './kit/held.ts'
import { inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

const MB = 2 ** 20
type Numbers = Record<string, number>
const KEYS = sized(1_000_000)
const COMMITS = sized(100_000)
const WATCHERS = sized(10_000)
const CLIENTS = sized(1000)

if (existsSync('/proc/self/status')) await measure()
else console.log('there is no /proc here: nothing to read the memory of processes from')

async function measure(): Promise<void> {
  report(
    '1,000,000 small keys',
    'MB',
    await inTurn(
      sized(3),
      {
        'a bare Map': () => grown('map', map => map.fill(KEYS), MB),
        'a namespace, key by key': () => grown('server', ({ address }) => keyByKey(address), MB),
        'a namespace, by updates of 1,000 keys': () =>
          grown('server', ({ address }) => byUpdates(address), MB),
      },
      0,
    ),
  )
  report(
    "The server's memory, for each",
    'bytes',
    await inTurn(
      sized(3),
      {
        'commit that it keeps': () => grown('server', ({ address }) => commits(address), COMMITS),
        'State that watches': () => grown('server', ({ address }) => watching(address), WATCHERS),
        'client that watches, with a connection': () =>
          grown('server', ({ address }) => clients(address), CLIENTS),
      },
      0,
    ),
  )
}

/** By how much `fill` makes it grow, in `units`. */
async function grown(
  what: 'server' | 'map',
  fill: (holder: Holder) => Promise<unknown>,
  units: number,
): Promise<number> {
  const holder = await startHolder(what)
  if (what === 'server') await warmUp(holder.address)
  const before = await holder.memory()
  const letGo = await fill(holder)
  const after = await holder.memory()
  if (typeof letGo === 'function') await letGo()
  holder.end()
  return (after - before) / units
}

/** What a server needs in any case: its code compiled, its heap as large as it gets by working. */
async function warmUp(address: string): Promise<void> {
  const state = new State<Numbers>(address, { namespace: 'warm' })
  await pipelined(sized(20_000), 500, i => state.set(`k${i % 10}`, i))
  await state.close()
}

async function keyByKey(address: string): Promise<void> {
  const state = new State<Numbers>(address)
  await pipelined(KEYS, 500, i => state.set(`k${i}`, i))
  mustBe('the number of keys', await state.size(), KEYS)
  await state.close()
}

async function byUpdates(address: string): Promise<void> {
  const state = new State<Numbers>(address)
  for (let i = 0; i < KEYS; i += 1000)
    await state.update(Object.fromEntries(Array.from({ length: 1000 }, (_, k) => [`k${i + k}`, i + k])))
  mustBe('the number of keys', await state.size(), KEYS)
  await state.close()
}

async function commits(address: string): Promise<void> {
  const state = new State<Numbers>(address)
  await pipelined(COMMITS, 500, i => state.set(`k${i % 10}`, i))
  await state.close()
}

async function watching(address: string): Promise<() => Promise<unknown>> {
  const states = Array.from({ length: WATCHERS }, () => new State<Numbers>(address))
  return followed(states)
}

async function clients(address: string): Promise<() => Promise<unknown>> {
  const { addresses, remove } = aliases(address, CLIENTS)
  const states: State<Numbers>[] = []
  // Not all at once: the system refuses those that stand in too long a line.
  for (let i = 0; i < CLIENTS; i += 100) {
    const more = addresses.slice(i, i + 100).map(alias => new State<Numbers>(alias))
    await Promise.all(more.map(state => state.size()))
    states.push(...more)
  }
  const end = await followed(states)
  return async () => {
    await end()
    remove()
  }
}

/** Has all of them hear of one write; the function that ends them. */
async function followed(states: State<Numbers>[]): Promise<() => Promise<unknown>> {
  await Promise.all(states.map(state => state.size()))
  const [writer] = states as [State<Numbers>]
  const others = states.slice(1).map(state => state.getWhenAvailable('n'))
  await writer.set('n', 1)
  await Promise.all(others)
  return () => Promise.all(states.map(state => state.close()))
}
