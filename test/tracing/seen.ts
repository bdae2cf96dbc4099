import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'

// A module of its own: functions that are sent import it, and in one process that is the same one.

export const store = new AsyncLocalStorage<string>()
/** What is there in each of the places that a program is called in, or goes on in. */
export const seen: [place: string, store: string | undefined][] = []
export const see = (place: string): void => void seen.push([place, store.getStore()])

/** Runs `act` where 'mine' is stored, and checks that its own code was in these places, and saw that in each of them. */
export async function mine(places: string[], act: () => Promise<unknown>): Promise<void> {
  seen.length = 0
  await store.run('mine', act)
  assert.deepEqual([...new Set(seen.map(([place]) => place))].sort(), places.sort())
  assert.deepEqual(
    seen.filter(([, found]) => found !== 'mine'),
    [],
  )
}
