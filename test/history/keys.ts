import { ABSENT, type Call, effectOf } from './calls.ts'
import { type Interval, isLinearizable, type Model } from './linearize.ts'
import type { CallRecord } from './records.ts'
import type { Found } from './violations.ts'

// Calls on the whole state are, for each key, calls on that key; so each key is an object of its own. That they are one step
// on all keys at once is another matter, see commits.ts.

interface KeyOp {
  call: Call
  /** undefined: it is not known, or says nothing of this key. */
  result?: string
}

/** Looks, key by key, for an order of all calls in which their results are right. Does not need the log. */
export function checkKeys(records: readonly CallRecord[], found: Found): void {
  const keys = new Set(records.flatMap(({ call }) => keysIn(call)))
  for (const key of keys) {
    const history = records.flatMap(record => intervalsOf(record, key))
    if (!isLinearizable(history, model(key)))
      found('not linearizable', `no order of the ${history.length} calls on '${key}' explains all results`)
  }
}

const model = (key: string): Model<KeyOp, string> => ({
  initial: ABSENT,
  step: (state, { call, result }) => {
    const effect = effectOf(call, state === ABSENT ? new Map() : new Map([[key, state]]))
    if (result !== undefined && effect.result !== result) return undefined
    return effect.after ? (effect.after.get(key) ?? ABSENT) : state
  },
  show: state => state,
})

function keysIn(call: Call): string[] {
  if ('key' in call) return [call.key]
  if ('entries' in call) return Object.keys(call.entries)
  return call.kind === 'move' ? [call.from, call.to] : []
}

function intervalsOf(record: CallRecord, key: string): Interval<KeyOp>[] {
  const { invoked, failed, result } = record
  if (failed === 'none') return []
  const known = result !== undefined
  const op = partOf(record, key)
  // What has no effect and no known result says nothing.
  if (
    !op ||
    (!known &&
      effectOf(op.call, new Map([[key, '{"n":0}']])).after === undefined &&
      op.call.kind !== 'setDefault')
  )
    return []
  return [{ op, invoked, returned: known ? record.returned : undefined }]
}

/** What a call was for one key; undefined: nothing. */
function partOf({ call, result }: CallRecord, key: string): KeyOp | undefined {
  switch (call.kind) {
    case 'size':
    case 'addAndThrow':
      return undefined
    case 'keys':
      return {
        call: { kind: 'has', key },
        result: result === undefined ? undefined : String(result.split('\n').includes(key)),
      }
    case 'items':
    case 'copy':
      return { call: { kind: 'get', key }, result: result === undefined ? undefined : valueIn(result, key) }
    case 'update':
      return Object.hasOwn(call.entries, key) ? put(key, call.entries[key]) : undefined
    case 'replace':
      return Object.hasOwn(call.entries, key)
        ? put(key, call.entries[key])
        : { call: { kind: 'delete', key } }
    case 'clear':
      return { call: { kind: 'delete', key } }
    case 'popItem':
      if (result === undefined) return { call: { kind: 'delete', key } }
      if (result === ABSENT) return { call: { kind: 'get', key }, result: ABSENT }
      return result.startsWith(`${key}=`)
        ? { call: { kind: 'pop', key }, result: valueIn(result, key) }
        : undefined
    case 'move': {
      const at = [call.from, call.to].indexOf(key)
      if (at < 0) return undefined
      return {
        call: { kind: 'add', key, step: at === 0 ? -1 : 1, tag: call.tag },
        result: result?.split(',')[at],
      }
    }
    default:
      return call.key === key ? { call, result } : undefined
  }
}

const put = (key: string, value: unknown): KeyOp => ({ call: { kind: 'set', key, value: value as never } })

function valueIn(state: string, key: string): string {
  const line = state.split('\n').find(line => line.startsWith(`${key}=`))
  return line === undefined ? ABSENT : line.slice(key.length + 1)
}
