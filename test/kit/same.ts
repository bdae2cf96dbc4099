import assert from 'node:assert/strict'
import { inspect, isDeepStrictEqual, types } from 'node:util'

/**
 * Whether Node takes the two for equal. undefined: it fails to say. On Node 22 and 24 it throws for Maps that have
 * `undefined` and an object as keys.
 */
export function equalToNode(a: unknown, b: unknown): boolean | undefined {
  try {
    return isDeepStrictEqual(a, b)
  } catch {
    return undefined
  }
}

/** Asserts that `actual` is what `expected` was: kinds, contents, and which parts are one and the same object. */
export function assertSame(actual: unknown, expected: unknown): void {
  const twins = new Map<object, object>()
  const back = new Set<object>()
  const todo: [actual: unknown, expected: unknown, path: string][] = [[actual, expected, 'value']]
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [a, b, path] = next
    const check = (holds: boolean, why: string) => holds || assert.fail(`${path}: ${why}`)
    if (typeof b !== 'object' || b === null || typeof a !== 'object' || a === null) {
      if (!Object.is(a, b))
        assert.fail(`${path}: ${inspect(a, { depth: 0 })} instead of ${inspect(b, { depth: 0 })}`)
      continue
    }
    check(twins.has(b) === back.has(a), 'it is shared in one only')
    check(!twins.has(b) || twins.get(b) === a, 'it is another object than elsewhere')
    if (twins.has(b)) continue
    twins.set(b, a)
    back.add(a)
    check(a !== b, 'it is no copy')
    check(Object.getPrototypeOf(a) === Object.getPrototypeOf(b), 'it is of another class')
    for (const [name, one, other] of parts(a, b))
      todo.push([one, other, path.length < 200 ? path + name : path])
  }
}

type Fields = Record<string, unknown>

function* parts(a: object, b: object): Generator<[name: string, actual: unknown, expected: unknown]> {
  if (ArrayBuffer.isView(b) || types.isArrayBuffer(b)) {
    yield [' bytes', hex(a as ArrayBufferView), hex(b)]
    return
  }
  assert.deepEqual(Object.keys(a), Object.keys(b))
  for (const name of Object.keys(b)) yield [`.${name}`, (a as Fields)[name], (b as Fields)[name]]
  if (b instanceof Date) yield [' time', (a as Date).getTime(), b.getTime()]
  if (Array.isArray(b)) yield [' length', (a as unknown[]).length, b.length]
  if (b instanceof Map) yield* inOrder([...(a as Map<unknown, unknown>)].flat(), [...b].flat())
  if (b instanceof Set) yield* inOrder([...(a as Set<unknown>)], [...b])
  if (b instanceof RegExp) {
    yield [' pattern', String(a), String(b)]
    yield [' lastIndex', (a as RegExp).lastIndex, b.lastIndex]
  }
  if (b instanceof Error)
    for (const name of ['name', 'message', 'stack', 'cause', 'errors']) {
      if (name !== 'name') yield [` own ${name}`, Object.hasOwn(a, name), Object.hasOwn(b, name)]
      yield [`.${name}`, (a as unknown as Fields)[name], (b as unknown as Fields)[name]]
    }
}

function* inOrder(a: unknown[], b: unknown[]): Generator<[name: string, actual: unknown, expected: unknown]> {
  yield [' size', a.length, b.length]
  for (const [i, value] of b.entries()) yield [` part ${i}`, a[i], value]
}

function hex(value: ArrayBufferView | ArrayBufferLike): string {
  const view = ArrayBuffer.isView(value) ? value : new Uint8Array(value)
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex')
}
