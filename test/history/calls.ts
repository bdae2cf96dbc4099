import { type AnyState, atomic, KeyError, type State } from 'zproc'

// The calls that histories are made of: how each is made, and what it should do.

export type Json = null | number | string | Json[] | { [key: string]: Json }
export type Call =
  | { kind: 'get' | 'has' | 'pop' | 'delete'; key: string }
  | { kind: 'set' | 'setDefault'; key: string; value: Json }
  | { kind: 'update' | 'replace'; entries: Record<string, Json> }
  | { kind: 'size' | 'keys' | 'items' | 'copy' | 'clear' | 'popItem' }
  /** Atomic functions, on counters: values that say who changed them last. */
  | { kind: 'add' | 'addAsync' | 'addAndThrow'; key: string; step: number; tag: string }
  | { kind: 'move'; from: string; to: string; tag: string }

/** A state, or a call's result, in a form that can be compared: its values are JSON. */
export type Values = ReadonlyMap<string, string>
export const ABSENT = ''

/** What stands behind `by.method` of a commit. */
export function methodOf({ kind }: Call): string {
  if (kind === 'replace') return 'set'
  return kind.startsWith('add') || kind === 'move' ? 'atomic' : kind
}

/** Makes the call. What it gives back is in the form of `effectOf`. */
export async function perform(state: State<AnyState>, call: Call): Promise<string> {
  switch (call.kind) {
    case 'get':
      return shown(await state.get(call.key, ABSENT))
    case 'has':
      return String(await state.has(call.key))
    case 'size':
      return String(await state.size())
    case 'keys':
      return (await state.keys()).sort().join('\n')
    case 'items':
      return showEntries(await state.items())
    case 'copy':
      return showState(await state.copy())
    case 'set':
      await state.set(call.key, call.value)
      return ''
    case 'setDefault':
      return shown(await state.setDefault(call.key, call.value))
    case 'update':
      await state.update(call.entries)
      return ''
    case 'replace':
      await state.set(call.entries)
      return ''
    case 'clear':
      await state.clear()
      return ''
    case 'delete':
      return String(await state.delete(call.key))
    case 'pop':
      return unlessMissing(async () => shown(await state.pop(call.key)))
    case 'popItem':
      return unlessMissing(async () => showEntries([await state.popItem()]))
    case 'add':
      return String(await add(state, call.key, call.step, call.tag))
    case 'addAsync':
      return String(await addAsync(state, call.key, call.step, call.tag))
    case 'addAndThrow':
      return addAndThrow(state, call.key, call.step, call.tag).catch(error => {
        if (error instanceof RangeError && error.message === call.tag) return call.tag
        throw error
      })
    case 'move':
      return (await move(state, call.from, call.to, call.tag)).join()
  }
}

/** What a call gives back on a state, and the state that it leaves; no `after`: it is no commit. */
export function effectOf(call: Call, before: Values): { result: string; after?: Map<string, string> } {
  const value = 'key' in call ? (before.get(call.key) ?? ABSENT) : ABSENT
  switch (call.kind) {
    case 'get':
      return { result: value }
    case 'has':
      return { result: String(value !== ABSENT) }
    case 'size':
      return { result: String(before.size) }
    case 'keys':
      return { result: [...before.keys()].sort().join('\n') }
    case 'items':
    case 'copy':
      return { result: showValues(before) }
    case 'set':
      return { result: '', after: changed(before, call.key, JSON.stringify(call.value)) }
    case 'setDefault': {
      if (value !== ABSENT) return { result: value }
      const result = JSON.stringify(call.value)
      return { result, after: changed(before, call.key, result) }
    }
    case 'update':
      return { result: '', after: new Map([...before, ...valuesOf(call.entries)]) }
    case 'replace':
      return { result: '', after: valuesOf(call.entries) }
    case 'clear':
      return { result: '', after: new Map() }
    case 'delete':
      if (value === ABSENT) return { result: 'false' }
      return { result: 'true', after: changed(before, call.key, ABSENT) }
    case 'pop':
      return value === ABSENT
        ? { result: ABSENT }
        : { result: value, after: changed(before, call.key, ABSENT) }
    case 'popItem': {
      const newest = [...before].at(-1)
      if (!newest) return { result: ABSENT }
      return { result: newest.join('='), after: changed(before, newest[0], ABSENT) }
    }
    case 'add':
    case 'addAsync': {
      const after = new Map(before)
      return { result: String(added(after, call.key, call.step, call.tag)), after }
    }
    case 'addAndThrow':
      return { result: call.tag }
    case 'move': {
      const after = new Map(before)
      const counts = [added(after, call.from, -1, call.tag), added(after, call.to, 1, call.tag)]
      return { result: counts.join(), after }
    }
  }
}

/** A state as text: equal for equal states. */
export const showState = (state: object): string => showEntries(Object.entries(state))
export const showValues = (values: Values): string => join([...values].map(entry => entry.join('=')))
export const valuesOf = (state: object): Map<string, string> =>
  new Map(Object.entries(state).map(([key, value]) => [key, textOf(value)]))

const texts = new WeakMap<object, string>()
/** A value's JSON. Snapshots share the values that did not change between them, so it is kept for what is frozen. */
function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || !Object.isFrozen(value)) return JSON.stringify(value)
  const known = texts.get(value)
  if (known !== undefined) return known
  const text = JSON.stringify(value)
  texts.set(value, text)
  return text
}

const showEntries = (entries: [string, unknown][]): string =>
  join(entries.map(([key, value]) => `${key}=${textOf(value)}`))
const join = (lines: string[]): string => lines.sort().join('\n')
const shown = (value: unknown): string => (value === ABSENT ? ABSENT : JSON.stringify(value))

function changed(before: Values, key: string, value: string): Map<string, string> {
  const after = new Map(before)
  if (value === ABSENT) after.delete(key)
  else after.set(key, value)
  return after
}

function added(values: Map<string, string>, key: string, step: number, by: string): number {
  const n = (JSON.parse(values.get(key) ?? '{"n":0}') as Counter).n + step
  values.set(key, JSON.stringify({ n, by }))
  return n
}

async function unlessMissing(call: () => Promise<string>): Promise<string> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof KeyError) return ABSENT
    throw error
  }
}

interface Counter {
  n: number
  by: string
}
type Counters = Record<string, Counter>

const add = atomic((state: Counters, key: string, step: number, tag: string) => {
  const counter = state[key]
  if (!counter) {
    state[key] = { n: step, by: tag }
    return step
  }
  counter.n += step
  counter.by = tag
  return counter.n
})

const addAsync = atomic(async (state: Counters, key: string, step: number, tag: string) => {
  const n = (state[key]?.n ?? 0) + step
  await new Promise(resolve => setImmediate(resolve))
  state[key] = { n, by: tag }
  return n
})

const addAndThrow = atomic((state: Counters, key: string, step: number, tag: string): string => {
  state[key] = { n: (state[key]?.n ?? 0) + step, by: tag }
  throw new RangeError(tag)
})

const move = atomic((state: Counters, from: string, to: string, tag: string) => {
  const less = (state[from]?.n ?? 0) - 1
  state[from] = { n: less, by: tag }
  const more = (state[to]?.n ?? 0) + 1
  state[to] = { n: more, by: tag }
  return [less, more]
})
