import { ship } from './ship.ts'

/**
 * Uses the time in which a program waits for its server. The first function of a program takes longer than those after
 * it, as the parser is compiled while it runs: some are sent to nobody.
 */
export function warmUp(): void {
  if (isWarm) return
  isWarm = true
  sendSome(ROUNDS)
}

let isWarm = false

/** From then on the engine has seen enough of each part. */
const ROUNDS = 8

/** Step by step, so that nothing else has to wait for all of it; nobody waits for the rest at the end. */
function sendSome(rounds: number): void {
  if (rounds === 0) return
  setImmediate(() => {
    functions(rounds)
      .then(all => {
        for (const fn of all) ship(fn, { call: 'warmUp' })
        sendSome(rounds - 1)
      })
      // Where no module can be made of a text, or none inspected, it stays cold.
      .catch(() => {})
  }).unref()
}

/** Each time from a module of their own: that of this module may be a large bundle. */
async function functions(round: number): Promise<(() => unknown)[]> {
  const map = { version: 3, sources: ['/sample'], names: [], mappings: 'AAAA;AACA'.repeat(20) }
  // The loader of tests adds `__name`.
  const text = `import { sep, posix as other } from 'node:path'
    const __name = fn => fn
    const settings = { list: [1, 'two', null], nested: { deep: new Map([['a', /b/g]]) } }
    const clamp = n => Math.min(Math.max(n, settings.list.length), 5)
    const simple = async ({ n = 1, ...rest }) => {
      for (const each of settings.list) if (each !== n) return [clamp(n), sep, other.sep, ...Object.keys(rest)]
      return { n, text: String(n) }
    }
    export const made = [simple, (${sample})()]
    //# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}
    //# sourceURL=file:///zproc-warm-up-${round}.mjs`.replace(/^ +/gm, '')
  const { made } = await import(`data:text/javascript,${encodeURIComponent(text)}`)
  return made
}

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
