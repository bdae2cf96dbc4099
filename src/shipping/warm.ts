import { isIP } from 'node:net'
import { ship } from './ship.ts'

/**
 * Sends a function to nobody, when there is nothing else to do: the first one of a program takes longer than those
 * after it, as the parser is compiled while it runs.
 */
export function warmUp(): void {
  if (isWarm) return
  isWarm = true
  setImmediate(() => ship(sample(), { call: 'warmUp' })).unref()
}

let isWarm = false
const settings = { list: [1, 'two', null], nested: { deep: new Map([['a', /b/g]]) } }

class Counter {
  static made = 0
  #n = 0
  get next(): number {
    return ++this.#n
  }
}

/** A bit of everything that functions are made of. */
function sample(): () => unknown {
  let sum = 0
  const add = ({ n = 1, ...rest }: { n?: number }, [first] = settings.list) => {
    for (const each of [n, first]) if (typeof each === 'number') sum += each
    return `${sum} ${Object.keys(rest).length ?? isIP('')}`
  }
  return async () => {
    try {
      return [add({ n: 2 }), new Counter().next, await settings.nested]
    } catch (error) {
      throw new Error('never', { cause: error })
    }
  }
}
