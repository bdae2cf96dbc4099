import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { parseAhead, parsed } from './parsed.ts'
import { ship } from './ship.ts'
import { callSites } from './stack.ts'

/**
 * Uses the time in which a program waits for its server. The first function of a program takes longer than those after
 * it, as the parser is compiled while it runs: some are sent to nobody. And the modules that are running now are most
 * likely those that will send some: they are parsed.
 */
export function warmUp(): void {
  if (isWarm) return
  isWarm = true
  const running = new Set(callSites().map(site => site.getFileName() ?? ''))
  inTurn([
    ...Array.from({ length: ROUNDS }, () => sendToNobody),
    ...Array.from(running, name => () => readAhead(name)),
  ])
}

let isWarm = false

/** From then on the engine has seen enough of each part. */
const ROUNDS = 4

/** Step by step, so that nothing else has to wait for all of it; nobody waits for the rest at the end. */
function inTurn([step, ...more]: (() => void)[]): void {
  if (!step) return
  setImmediate(() => {
    step()
    inTurn(more)
  }).unref()
}

function readAhead(name: string): void {
  const isModule = name.startsWith('file:')
  if (!/\.[cm]?js$/.test(name) || !(isModule || isAbsolute(name)) || name.startsWith(HOME)) return
  try {
    const text = readFileSync(isModule ? fileURLToPath(name) : name, 'utf8')
    if (text.length <= LONGEST) parseAhead(text, isModule)
  } catch {
    // Gone since, or not a file.
  }
}

const HOME = new URL('../', import.meta.url).href

/** What is longer would keep the program for more than a moment. */
const LONGEST = 100_000

function sendToNobody(): void {
  parsed(MODULE, true)
  // In a script of its own: that of this module may be a large bundle. The loader of tests adds `__name`.
  const text = `(() => { const __name = fn => fn; return (${sample})() })()`
  const map = { version: 3, sources: ['/sample'], names: [], mappings: 'AAAA;AACA'.repeat(20) }
  const comment = `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`
  const script = new vm.Script(`${text}\n${comment}\n//# sourceURL=zproc-warm-up`)
  ship(script.runInThisContext() as () => unknown, { call: 'warmUp' })
}

/** What only modules have. */
const MODULE = `
import first, { second as other } from 'x'
import * as all from 'x'
export * from 'x'
export default async function run({ a, ...rest }, ...more) {
  const { url } = import.meta, module = await import('x')
  if (a === url || !rest.b) return { ...rest, first, run: () => other(module) }
  else for (let i = 0; i < more.length; i++) more[i] ??= all?.[a]
}
export const value = \`\${await first}\`
export { other as third }
`

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
