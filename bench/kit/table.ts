export type Operation = 'set' | 'get' | 'increment' | 'append'

/** What a program of one's own keeps: a Map, and the few things that are done to it. */
export function createTable(): (operation: Operation, key: string, value?: unknown) => unknown {
  const table = new Map<string, unknown>()
  return (operation, key, value) => {
    if (operation === 'get') return table.get(key)
    if (operation === 'set') {
      table.set(key, value)
      return true
    }
    if (operation === 'increment') {
      const next = ((table.get(key) as number | undefined) ?? 0) + 1
      table.set(key, next)
      return next
    }
    const list = (table.get(key) ?? []) as unknown[]
    table.set(key, list)
    return list.push(value)
  }
}

type Ask = (operation: Operation, key: string, value?: unknown) => Promise<unknown>

/** The calls of a client that numbers its questions, and the place where the answers go. */
export function questions(send: (id: number, operation: Operation, key: string, value?: unknown) => void) {
  const waiting = new Map<number, (answer: unknown) => void>()
  let last = 0
  const ask: Ask = (operation, key, value) =>
    new Promise(resolve => {
      waiting.set(++last, resolve)
      send(last, operation, key, value)
    })
  return {
    set: (key: string, value: unknown) => ask('set', key, value),
    get: (key: string) => ask('get', key),
    increment: (key: string) => ask('increment', key),
    append: (key: string, value: unknown) => ask('append', key, value),
    answered(id: number, answer: unknown): void {
      waiting.get(id)?.(answer)
      waiting.delete(id)
    },
  }
}
