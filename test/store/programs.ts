// Programs for atomic functions, made from a seed: each is a list of small instructions, run in the same way on a draft of
// the state and on a plain object.

/** What to do, and three numbers that say with what: any numbers go, so that any shorter program is one too. */
export type Instruction = [what: number, a: number, b: number, c: number]
export type Program = Instruction[]

export type Random = () => number

/** Numbers from 0 to 2³² - 1. */
export function random(seed: number): Random {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

export function program(next: Random): Program {
  const length = 1 + (next() % 12)
  return Array.from({ length }, () => [next() % 256, next() % 64, next() % 64, next() % 64])
}

type State = Record<string, unknown>
type Fields = Record<string, unknown>

/** How a part is cloned, which is not the same for a draft. */
export interface Means {
  clone(value: unknown): unknown
}

const KEYS = ['a', 'b', 'c', 'd', 'e', '7']
const FIELDS = ['x', 'y', 'n', 'list', '3', 'z']

/** The state that programs begin with; `kind` picks one. */
export function beginning(kind: number): State {
  const job = (n: number) => ({ n, x: { y: n } })
  const long = (length: number) => Array.from({ length }, (_, i) => (i % 3 === 0 ? job(i) : i))
  switch (kind % 6) {
    case 0:
      return {
        a: { x: { n: 1 }, list: [1, 2, 3] },
        b: { y: { n: 2 }, list: [job(1), job(2)] },
        c: [job(3), job(4), 5],
      }
    case 1:
      return { a: long(80), b: { list: long(150), x: [] }, c: 1, d: 'text' }
    case 2: {
      const ring: Fields = { n: 1 }
      ring.x = ring
      return {
        a: ring,
        b: new Map<unknown, unknown>([['k', { n: 1 }]]),
        c: new Set([1, 'b']),
        d: { x: { n: 1 }, y: [] },
      }
    }
    case 3:
      return {
        a: { x: new Date(5), y: /r/g, n: new Error('wrong', { cause: { n: 1 } }) },
        b: Uint8Array.of(1, 2, 3),
        c: Buffer.from('abc'),
        d: [[1, [2, [3]]], { x: [{ n: 1 }] }],
      }
    case 4:
      return { a: [], b: {}, c: null, d: [1, 1, 1, 1], e: [{ n: 1 }, { n: 1 }, { n: 1 }] }
    default:
      return { a: [3, 1, 2], b: [job(3), job(1), job(2)], '7': { 3: 1, x: 2 }, e: { list: [[1], [2], [3]] } }
  }
}

/** Runs a program. What it returns, and what it throws, is part of what it does. */
export function run(state: State, instructions: Program, means: Means): unknown {
  const registers: unknown[] = KEYS.slice(0, 4).map(key => state[key])
  const seen: unknown[] = []
  const machine: Machine = { state, registers, seen, means }
  for (const [what, a, b, c] of instructions) {
    const operation = operations[what % operations.length] as Operation
    operation(machine, a, b, c)
  }
  return [seen, registers[(instructions[0] as Instruction)[1] % registers.length]]
}

interface Machine {
  state: State
  registers: unknown[]
  seen: unknown[]
  means: Means
}

type Operation = (machine: Machine, a: number, b: number, c: number) => void

const pick = <T>(all: readonly T[], at: number): T => all[at % all.length] as T

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** A value to put: what is there already more often than not. */
function value({ registers, state }: Machine, at: number): unknown {
  if (at % 2 === 0) return pick(registers, at >> 1)
  switch ((at >> 1) % 10) {
    case 0:
      return { n: at }
    case 1:
      return { x: pick(registers, at) }
    case 2:
      return [pick(registers, at), at]
    case 3:
      return state[pick(KEYS, at)]
    case 4:
      return new Map<unknown, unknown>([[pick(registers, at), pick(registers, at >> 1)]])
    case 5:
      return new Set([pick(registers, at), at])
    case 6:
      return pick([-0, 1n, 'half \ud800', undefined, null, Number.NaN], at)
    case 7:
      // Where it is made is not the same for a draft.
      return Object.assign(new Error('of a part', { cause: pick(registers, at) }), { stack: 'here' })
    default:
      return at % 5
  }
}

/** A list or a plain object, from a register or beneath it. */
const container = ({ registers }: Machine, at: number): unknown[] | Fields | undefined => {
  let found = pick(registers, at)
  if ((at & 8) !== 0 && isObject(found)) found = pick(Object.values(found), at >> 2) ?? found
  if (!isObject(found)) return undefined
  return Array.isArray(found) || Object.getPrototypeOf(found) === Object.prototype
    ? (found as Fields)
    : undefined
}

const list = (machine: Machine, at: number): unknown[] | undefined => {
  const found = container(machine, at)
  if (Array.isArray(found)) return found
  return found && Object.values(found).find(held => Array.isArray(held))
}

const fields = (machine: Machine, at: number): Fields | undefined => {
  const found = container(machine, at)
  return Array.isArray(found) ? (found.find(held => isObject(held) && !Array.isArray(held)) as Fields) : found
}

const weight = (value: unknown): number => {
  if (typeof value === 'number') return value
  if (!isObject(value)) return -1
  return 'n' in value && typeof value.n === 'number' ? value.n : Array.isArray(value) ? value.length : 0
}

const keep = ({ registers }: Machine, at: number, value: unknown): void => {
  registers[at % registers.length] = value
}

function look({ seen }: Machine, value: unknown): void {
  if (seen.length < 6) seen.push(value)
}

const load: Operation = (m, a, b) => keep(m, b, m.state[pick(KEYS, a)])
const descend: Operation = (m, a, b, c) => {
  const found = pick(m.registers, a)
  if (found instanceof Map) keep(m, b, [...found.values()][c % (found.size || 1)])
  else if (found instanceof Set) keep(m, b, [...found][c % (found.size || 1)])
  else if (isObject(found)) keep(m, b, pick(Object.values(found), c))
}
const put: Operation = (m, a, b) => {
  m.state[pick(KEYS, a)] = value(m, b)
}
const putField: Operation = (m, a, b, c) => {
  const into = fields(m, a)
  if (into) into[pick(FIELDS, b)] = value(m, c)
}
const putElement: Operation = (m, a, b, c) => {
  const into = list(m, a)
  if (into) into[into.length === 0 ? 0 : b % into.length] = value(m, c)
}
const count: Operation = (m, a, b) => {
  const into = fields(m, a) as Record<string, number> | undefined
  if (into) into[pick(FIELDS, b)] = weight(into[pick(FIELDS, b)]) + 1
}
const push: Operation = (m, a, b, c) => {
  const into = list(m, a)
  if (into) look(m, c % 3 === 0 ? into.push(value(m, b), c) : into.push(value(m, b)))
}
const pop: Operation = (m, a, b) => keep(m, b, list(m, a)?.pop())
const shift: Operation = (m, a, b) => keep(m, b, list(m, a)?.shift())
const unshift: Operation = (m, a, b, c) => void list(m, a)?.unshift(value(m, b), c)
const splice: Operation = (m, a, b, c) => {
  const from = list(m, a)
  if (!from) return
  const start = (b % (from.length + 2)) - 1
  const gone = c % 4 === 0 ? from.splice(start, c % 3) : from.splice(start, c % 3, value(m, c), b)
  keep(m, c, c % 2 ? gone : gone[0])
}
const move: Operation = (m, a, b) => {
  const [from, to] = [list(m, a), list(m, b)]
  if (from && to) to.push(from.shift())
}
const swap: Operation = (m, a, b) => {
  const [one, other] = [container(m, a) as Fields, container(m, b) as Fields]
  if (!one || !other) return
  const [p, q] = [pick(Object.keys(one), a), pick(Object.keys(other), b)]
  if (p !== undefined && q !== undefined) [one[p], other[q]] = [other[q], one[p]]
}
const remove: Operation = (m, a, b, c) => {
  if (c % 3 === 0) look(m, delete m.state[pick(KEYS, a)])
  else {
    const from = fields(m, a)
    const key = from && pick(Object.keys(from), b)
    if (from && key !== undefined) delete from[key]
  }
}

const rare: Operation[] = [
  m => look(m, JSON.stringify(Object.keys(m.state))),
  (m, a, b) => keep(m, b, { ...container(m, a) }),
  (m, a, b) => keep(m, b, m.means.clone(pick(m.registers, a))),
  (m, a, b) => void Object.assign(container(m, a) ?? {}, container(m, b)),
  (m, a, b) => {
    const into = fields(m, a)
    const all = { value: value(m, b), writable: true, enumerable: true, configurable: true }
    if (into) Object.defineProperty(into, pick(FIELDS, b), all)
  },
  (m, a) => look(m, Object.entries(container(m, a) ?? {})),
  (m, a, b) => look(m, [pick(FIELDS, b) in (container(m, a) ?? {}), Object.hasOwn(m.state, pick(KEYS, b))]),
  (m, a) => void list(m, a)?.reverse(),
  (m, a) => void list(m, a)?.sort((x, y) => weight(x) - weight(y)),
  (m, a) =>
    void (a % 4 ? undefined : list(m, a)?.sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1))),
  (m, a, b) => void list(m, a)?.fill(value(m, b), a % 3, b % 5),
  (m, a, b) => void list(m, a)?.copyWithin(a % 4, b % 4, (b % 4) + 2),
  (m, a, b) => keep(m, b, list(m, a)?.slice(b % 3)),
  (m, a, b) => keep(m, b, list(m, a)?.concat(list(m, b) ?? [])),
  (m, a, b) =>
    keep(
      m,
      b,
      list(m, a)?.filter(held => isObject(held)),
    ),
  (m, a, b) =>
    look(m, [list(m, a)?.includes(pick(m.registers, b)), list(m, a)?.indexOf(pick(m.registers, b))]),
  (m, a, b) => {
    const of = list(m, a)
    if (of) of.length = Math.max(0, of.length - (b % 3))
  },
  (m, a, b) => {
    const of = list(m, a)
    if (of && b % 4 === 0) of.length += a % 3
  },
  (m, a, b, c) => {
    const into = list(m, a)
    if (into && c % 4 === 0) into[into.length + (b % 3)] = value(m, c)
  },
  (m, a, b, c) => {
    const from = list(m, a)
    if (from && c % 4 === 0) delete from[b % (from.length || 1)]
  },
  (m, a, b) => {
    for (const held of list(m, a) ?? []) if (isObject(held) && !Array.isArray(held)) (held as Fields).n = b
  },
  (m, a, b) => {
    for (let i = 0; i < (b % 4) * 7; i++) list(m, a)?.push(list(m, a)?.shift())
  },
  (m, a, b) => {
    for (let i = 0; i < b % 40; i++) list(m, a)?.shift()
  },
  (m, a) => look(m, [Object.is(m.state.a, m.state.a), m.state.a === pick(m.registers, a), m.state.none]),
  (m, a, b) => {
    const found = pick(m.registers, a)
    if (found instanceof Map) found.set(b % 2 ? 'k' : value(m, b), value(m, b >> 1))
    else if (found instanceof Set) found.add(value(m, b))
    else if (found instanceof Date) found.setTime(b)
    else if (found instanceof Uint8Array) found[b % 4] = a
    else if (found instanceof RegExp) found.lastIndex = b
    else if (found instanceof Error) found.cause = value(m, b)
  },
  (m, a, b) => {
    const found = pick(m.registers, a)
    if (found instanceof Map) found.delete('k')
    else if (found instanceof Set) found.delete(b)
  },
  (m, a) => {
    const into = fields(m, a)
    if (into && a % 8 === 0) into['half \udfff'] = a
  },
  (_, a) => {
    if (a % 4 === 0) throw new RangeError('midway')
  },
]

const common = [load, descend, descend, put, putField, putField, putElement, count, count]
const lists = [push, push, pop, shift, unshift, splice, move, swap, remove]
const operations: Operation[] = [...common, ...lists, ...common, ...lists, ...rare]
