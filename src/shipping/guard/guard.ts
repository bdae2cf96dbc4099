import { type AnyNode, parseExpressionAt } from 'acorn'
import { monotonic } from '../../async/interval.ts'
import { AtomicTimeoutError } from '../../errors.ts'
import type { Code } from '../shipment.ts'
import { childrenOf } from '../source/syntax-tree.ts'
import { containedMicrotask } from './leftovers.ts'
import { cloning } from './structured-clone.ts'

/**
 * Runs a function that was revived with a guard; a loop or recursion in it ends with
 * `AtomicTimeoutError` when `ms` have passed, whatever the function does with that error.
 */
export function runWithin<A extends unknown[], T>(ms: number, run: (...args: A) => T, ...args: A): T {
  const outer = guard.limit === Number.POSITIVE_INFINITY ? undefined : { ...guard }
  guard.left = 0
  guard.step = 1
  guard.limit = NOT_YET
  guard.ms = ms
  guard.running = run
  guard.last = 0
  try {
    const value = run(...args)
    if (guard.expired) guard.look()
    return value
  } catch (error) {
    if (guard.expired) guard.look()
    throw error
  } finally {
    guard.looked = guard.limit === NOT_YET ? 0 : guard.limit - guard.ms
    guard.limit = Number.POSITIVE_INFINITY
    guard.expired = false
    if (outer) Object.assign(guard, outer)
  }
}

/** When the function that `runWithin` ran last came to its first loop or callback, by `monotonic`; 0 or NaN: that is not known. */
export const firstLook = (): number => guard.looked

/** Whether a function runs within `runWithin` now. */
export const isRunning = (): boolean => guard.limit !== Number.POSITIVE_INFINITY

// The time begins at the first look: a straight line never looks, and need not read the clock.
const NOT_YET = -1

/** What the compiled checks count down. One for all: only one guarded function runs at a time. */
export const guard = {
  left: 0,
  step: 1,
  limit: Number.POSITIVE_INFINITY,
  ms: 0,
  running: undefined as { name: string } | undefined,
  last: 0,
  expired: false,
  looked: 0,
  structuredClone: cloning,
  queueMicrotask: containedMicrotask,
  /** Reads the clock, and finds how many rounds may pass until it is read again. */
  look(): void {
    const now = monotonic()
    if (guard.limit === NOT_YET) guard.limit = now + guard.ms
    if (guard.expired || now > guard.limit) {
      guard.expired = true
      guard.left = 0
      throw new AtomicTimeoutError(
        `atomic function ${guard.running?.name || '(anonymous)'} ran for over ${guard.ms} ms and was stopped; nothing was changed`,
      )
    }
    const quick = now - guard.last < 0.1
    guard.step = quick ? Math.min(guard.step * 2, 1024) : Math.max(guard.step >> 2, 1)
    guard.left = guard.step
    guard.last = now
  },
}

/** The text with a check in each loop, and in each function but the outermost when it cannot call itself. */
export function guarded(code: Code, isRoot: boolean): string {
  const { source, form } = code
  const opening = form === 'method' || form === 'accessor' ? '({' : '('
  const node = parseExpressionAt(`${opening}${source}\n${opening === '(' ? ')' : '})'}`, 0, {
    ecmaVersion: 'latest',
    allowSuperOutsideMethod: true,
    allowAwaitOutsideFunction: true,
  })
  const inserts: [at: number, text: string][] = []
  const checkBody = (body: AnyNode) => {
    if (body.type !== 'BlockStatement') {
      inserts.push([body.start, `{ ${CHECK} `], [body.end, ' }'])
      return
    }
    let at = body.start + 1
    for (const statement of body.body) {
      if (!('directive' in statement) || statement.directive === undefined) break
      at = statement.end
    }
    inserts.push([at, ` ;${CHECK} `])
  }
  let outermost = isRoot
  const visit = (at: AnyNode): void => {
    if (/^(?:For|While|DoWhile)/.test(at.type) && 'body' in at) checkBody(at.body as AnyNode)
    else if (
      at.type === 'FunctionExpression' ||
      at.type === 'FunctionDeclaration' ||
      at.type === 'ArrowFunctionExpression'
    ) {
      const skip = outermost && !callsItself(code)
      outermost = false
      if (!skip) {
        if (at.body.type === 'BlockStatement') checkBody(at.body)
        else inserts.push([bodyStart(at, opening + source), `(${EXPRESSION}, `], [at.end, ')'])
      }
    }
    for (const child of childrenOf(at)) visit(child)
  }
  visit(node)
  return insert(opening + source, inserts).slice(opening.length)
}

const CHECK = 'if (--$zp_guard.left < 0) $zp_guard.look();'
const EXPRESSION = '--$zp_guard.left < 0 && $zp_guard.look()'

/** A function without variables from outside calls nothing that could call it again. */
function callsItself({ variables, cells = [], source, name }: Code): boolean {
  return variables.length + cells.length > 0 || (name !== '' && source.split(name).length > 2)
}

/** Behind the `=>`: an arrow's expression may stand in parentheses, which its node leaves out. */
function bodyStart(at: { params: AnyNode[]; start: number }, source: string): number {
  const after = at.params.at(-1)?.end ?? at.start
  const arrow = /^(?:\/\*[\s\S]*?\*\/|\/\/[^\n]*|[^=/])*=>/.exec(source.slice(after))
  return after + (arrow?.[0].length ?? 0)
}

function insert(source: string, inserts: [at: number, text: string][]): string {
  let text = ''
  let from = 0
  for (const [at, added] of inserts
    .map((one, order) => ({ one, order }))
    .sort((a, b) => a.one[0] - b.one[0] || a.order - b.order)
    .map(({ one }) => one)) {
    text += source.slice(from, at) + added
    from = at
  }
  return text + source.slice(from)
}
