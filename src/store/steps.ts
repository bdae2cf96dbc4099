import type { Step } from '../protocol/messages.ts'
import { fromWire, keptWire } from '../protocol/values.ts'

type Node = Record<string, unknown> | unknown[]

/**
 * A new value with the steps made; what they do not touch is shared with `value`, which stays as it is. `undo` gets the
 * steps that lead back.
 */
export function applySteps(value: unknown, steps: readonly Step[], undo?: Step[]): unknown {
  const copied = new Set<unknown>()
  let root = value
  for (const step of steps) root = applyStep(root, step, copied, undo)
  undo?.reverse()
  return root
}

function applyStep(root: unknown, step: Step, copied: Set<unknown>, undo: Step[] | undefined): unknown {
  const [op, path] = step
  const next = writable(root, copied)
  let parent = next
  for (let i = 0; i < path.length - 1; i++) {
    const child = writable(read(parent, path[i] as string | number), copied)
    write(parent, path[i] as string | number, child)
    parent = child
  }
  const last = path[path.length - 1] as string | number
  undo?.push(back(parent, last, step))
  if (op === 'remove') {
    if (Array.isArray(parent)) parent.splice(index(parent, last), 1)
    else delete parent[last]
  } else {
    const value = fromWire(step[2])
    if (op === 'insert' && Array.isArray(parent)) parent.splice(index(parent, last), 0, value)
    else write(parent, last, value)
  }
  return next
}

function back(parent: Node, last: string | number, [op, path]: Step): Step {
  if (!Object.hasOwn(parent, last) || (op === 'insert' && Array.isArray(parent))) return ['remove', path]
  const value = keptWire((parent as Record<string | number, unknown>)[last])
  return op === 'remove' && Array.isArray(parent) ? ['insert', path, value] : ['put', path, value]
}

function writable(node: unknown, copied: Set<unknown>): Node {
  if (copied.has(node)) return node as Node
  if (typeof node !== 'object' || node === null)
    throw new TypeError('a step leads into a value that has no parts')
  const copy = Array.isArray(node) ? node.slice() : { ...node }
  copied.add(copy)
  return copy as Node
}

function read(node: Node, key: string | number): unknown {
  if (!Object.hasOwn(node, key)) throw new TypeError(`a step leads to a part that is not there: ${key}`)
  return (node as Record<string | number, unknown>)[key]
}

function write(node: Node, key: string | number, value: unknown): void {
  if (key === '__proto__') throw new TypeError('__proto__ is refused as a key')
  if (Array.isArray(node)) node[index(node, key)] = value
  else node[key] = value
}

/** A place in an array, or the one behind its last element: anything else would leave holes, or be no element. */
function index(array: unknown[], key: string | number): number {
  const at = Number(key)
  if (!Number.isInteger(at) || at < 0 || at > array.length)
    throw new TypeError(`a step leads to a part that is not there: ${key}`)
  return at
}
