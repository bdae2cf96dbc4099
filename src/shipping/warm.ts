import vm from 'node:vm'
import { ship } from './ship.ts'

/**
 * Sends a function to nobody, when there is nothing else to do: the first one of a program takes longer than those
 * after it, as the parser is compiled while it runs.
 */
export function warmUp(): void {
  if (isWarm) return
  isWarm = true
  setImmediate(() => {
    // In a script of its own: that of this module may be a large bundle. The loader of tests adds `__name`.
    const text = `(() => { const __name = fn => fn; return (${sample})() })()\n//# sourceURL=zproc-warm-up`
    ship(new vm.Script(text).runInThisContext() as () => unknown, { call: 'warmUp' })
  }).unref()
}

let isWarm = false

/** A bit of everything that functions are made of. */
function sample(): () => unknown {
  const settings = { list: [1, 'two', null], nested: { deep: new Map([['a', /b/g]]) } }
  class Counter {
    static made = 0
    #n = 0
    get next(): number {
      return ++this.#n
    }
  }
  let sum = 0
  const add = ({ n = 1, ...rest }: { n?: number }, [first] = settings.list) => {
    for (const each of [n, first]) if (typeof each === 'number') sum += each
    return `${sum} ${Object.keys(rest).length ?? 0}`
  }
  return async () => {
    try {
      return [add({ n: 2 }), new Counter().next, await settings.nested]
    } catch (error) {
      throw new Error('never', { cause: error })
    }
  }
}
