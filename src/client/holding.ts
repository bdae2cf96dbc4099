import { AsyncLocalStorage } from 'node:async_hooks'

/** A namespace of a store. */
interface Place {
  connection: object
  namespace: string
}

/** The places that the code being run has to itself, as an async atomic function. */
const inside = new AsyncLocalStorage<Set<Place>>()
// As long as nobody holds anything, nobody needs to look.
let holders = 0

/** Runs `fn`, which has `place` to itself. */
export async function holding<T>(place: Place, fn: () => Promise<T>): Promise<T> {
  // What it has begun and left behind goes on in its context, and is free again when it is over.
  const places = new Set([...(inside.getStore() ?? []), place])
  holders++
  try {
    return await inside.run(places, fn)
  } finally {
    places.delete(place)
    // While it is enabled, each promise of the program costs more: Node 20 and 22 follow all of them.
    if (--holders === 0) inside.disable()
  }
}

/** Whether the code being run would wait for itself if it waited to write there. */
export function isHolding({ connection, namespace }: Place): boolean {
  if (holders === 0) return false
  for (const place of inside.getStore() ?? [])
    if (place.connection === connection && place.namespace === namespace) return true
  return false
}
