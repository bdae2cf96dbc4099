/** An operation with the time in which it took effect. */
export interface Interval<O> {
  op: O
  invoked: number
  /** undefined: its outcome is unknown. It took effect at some time after it was invoked, or never. */
  returned: number | undefined
}

/** What operations do to one object. */
export interface Model<O, S> {
  initial: S
  /** The state after `op`; undefined when `op` cannot have had its result in `state`. */
  step(state: S, op: O): S | undefined
  /** Equal for equal states. */
  show(state: S): string
}

/** More work than this is given up. */
const MOST_STEPS = 2_000_000

/**
 * Whether there is an order of the operations, each at some time between its two ends, in which all results are right.
 * The search is that of Wing and Gong, with the memory of Lowe: a set of operations that led to a state once need not be
 * tried again in another order.
 */
export function isLinearizable<O, S>(history: readonly Interval<O>[], model: Model<O, S>): boolean {
  const first = linked(history)
  const tried = new Set<string>()
  const done = new Uint32Array(Math.ceil(history.length / 32))
  const way: { call: Event<O>; state: S }[] = []
  let awaited = history.filter(({ returned }) => returned !== undefined).length
  let state = model.initial
  let event = first.next
  for (let steps = 0; awaited > 0; steps++) {
    if (steps > MOST_STEPS)
      throw new Error(`gave up after ${MOST_STEPS} steps: too many outcomes are unknown`)
    if (event?.kind === 'call') {
      const next = model.step(state, event.op as O)
      if (next !== undefined) {
        flip(done, event.number)
        const memory = `${done.join()} ${model.show(next)}`
        if (!tried.has(memory)) {
          tried.add(memory)
          way.push({ call: event, state })
          state = next
          lift(event)
          if (event.end) awaited--
          event = first.next
          continue
        }
        flip(done, event.number)
      }
      event = event.next
      continue
    }
    // An operation returned that could not take effect before: one that did was wrong.
    const last = way.pop()
    if (!last) return false
    state = last.state
    flip(done, last.call.number)
    unlift(last.call)
    if (last.call.end) awaited++
    event = last.call.next
  }
  return true
}

interface Event<O> {
  kind: 'first' | 'call' | 'return'
  number: number
  op?: O
  /** The return that belongs to a call. */
  end?: Event<O>
  next?: Event<O>
  previous?: Event<O>
}

function linked<O>(history: readonly Interval<O>[]): Event<O> {
  const events: { time: number; event: Event<O> }[] = []
  for (const [number, { op, invoked, returned }] of history.entries()) {
    const call: Event<O> = { kind: 'call', number, op }
    events.push({ time: invoked, event: call })
    if (returned === undefined) continue
    call.end = { kind: 'return', number }
    events.push({ time: returned, event: call.end })
  }
  // At the same time nothing is before the other: calls go first.
  events.sort((a, b) => a.time - b.time || (a.event.kind === 'call' ? -1 : 1))
  const first: Event<O> = { kind: 'first', number: -1 }
  let last = first
  for (const { event } of events) {
    last.next = event
    event.previous = last
    last = event
  }
  return first
}

function lift<O>(call: Event<O>): void {
  for (const event of [call, call.end]) {
    if (!event) continue
    event.previous!.next = event.next
    if (event.next) event.next.previous = event.previous
  }
}

function unlift<O>(call: Event<O>): void {
  for (const event of [call.end, call]) {
    if (!event) continue
    event.previous!.next = event
    if (event.next) event.next.previous = event
  }
}

function flip(bits: Uint32Array, number: number): void {
  bits[number >> 5]! ^= 1 << (number & 31)
}
