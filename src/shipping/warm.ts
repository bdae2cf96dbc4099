import { soon } from '../async/interval.ts'
import { ship } from './ship.ts'

/**
 * Uses the time in which a program waits for its server. The first function of a program takes longer than those after
 * it, as the parser is compiled while it runs: some are sent to nobody.
 */
export function warmUp(): void {
  if (isWarm) return
  isWarm = true
  // Coverage tools take each module that was loaded for a file of the program's: c8 ends at a `data:` URL.
  if (process.env.NODE_V8_COVERAGE !== undefined) return
  // Where no module can be made of a text, or none inspected, it stays cold.
  samples().then(sendInTurn, () => {})
}

let isWarm = false

/** From then on the engine has seen enough of each part. */
const ROUNDS = 8

/** Step by step, so that nothing else has to wait for all of it; nobody waits for the rest at the end. */
function sendInTurn([fn, ...more]: (() => unknown)[]): void {
  if (!fn) return
  soon(() => {
    try {
      ship(fn, { call: 'warmUp' })
    } catch {
      return
    }
    sendInTurn(more)
  }).unref()
}

/** From a module of their own: that of this module may be a large bundle. Each is read anew, as each stands elsewhere. */
async function samples(): Promise<(() => unknown)[]> {
  const map = { version: 3, sources: ['/sample'], names: [], mappings: 'AAAA;AACA'.repeat(20) }
  const simple = `(() => {
    const clamp = n => Math.min(Math.max(n, settings.list.length), 5)
    return async ({ n = 1, ...rest }) => {
      for (const each of settings.list) if (each !== n) return [clamp(n), sep, other.sep, ...Object.keys(rest)]
      return { n, text: String(n) }
    }
  })()`
  // The loader of tests adds `__name`.
  const text = `import { sep, posix as other } from 'node:path'
const __name = fn => fn
const settings = { list: [1, 'two', null], nested: { deep: new Map([['a', /b/g]]) } }
export const made = [(${sample})(), ${`${simple}, `.repeat(ROUNDS)}]
//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}
//# sourceURL=file:///zproc-warm-up.mjs`
  const { made } = await load(`data:text/javascript,${encodeURIComponent(text)}`)
  return made
}

/** A bundler would look for a module whose URL it sees in the call. */
async function load(url: string): Promise<{ made: (() => unknown)[] }> {
  return import(url)
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
