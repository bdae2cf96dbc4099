import assert from 'node:assert/strict'
import { type AnyState, type RawUpdate, type Snapshot, State } from 'zproc'
import { elsewhere } from '../kit/elsewhere.ts'
import { Expected, isCondition, Log, type Watch } from './watch-model.ts'

/** One step of a program. `which` counts round the watchers that are open. */
export interface Step {
  do: string
  own?: boolean
  key?: string
  value?: number
  watch?: object
  then?: string
  which?: number
  abort?: boolean
}

type Seen = Snapshot<AnyState> | RawUpdate<AnyState>
type Outcome = { value?: Seen | undefined; done?: boolean; error?: unknown }

interface Watcher {
  expected: Expected
  abort: AbortController
  loop?: AsyncIterableIterator<Seen>
  /** What is waited for, and how that ended. */
  pending?: { promise: Promise<Outcome>; outcome?: Outcome } | undefined
}

/** Milliseconds after which nothing comes any more. */
const PATIENCE = Number(process.env.ZPROC_WATCH_PATIENCE ?? 10_000)

/** Takes the steps of a program with real States, and compares each outcome with the model's. */
export class Watching {
  handed = 0
  readonly #state: State<AnyState>
  readonly #other: State<AnyState>
  readonly #log: Log
  /** The revision that the model calls 0. */
  readonly #base: number
  #position = 0
  #open: Watcher[] = []

  private constructor(state: State<AnyState>, other: State<AnyState>, log: Log, base: number) {
    this.#state = state
    this.#other = other
    this.#log = log
    this.#base = base
  }

  static async begin(address: string, namespace: string): Promise<Watching> {
    const initial = { a: 0, b: 1 }
    const other = new State<AnyState>(elsewhere(address), { namespace })
    await other.set(initial)
    const state = new State<AnyState>(address, { namespace })
    await state.size()
    const view = await other.view()
    const watching = new Watching(state, other, new Log(initial), view.revision)
    view.close()
    return watching
  }

  async take(step: Step): Promise<void> {
    const chosen = this.#open[(step.which ?? 0) % this.#open.length]
    if (step.do === 'write') await this.#write(step.own === true, step.key as string, step.value as number)
    else if (step.do === 'once') await this.#watch(step.watch as Watch, false, step.then)
    else if (step.do === 'loop') await this.#watch(step.watch as Watch, true, step.then)
    else if (step.do === 'goLive') this.#goLive()
    else if (chosen && step.do === 'leave') await this.#leave(chosen, step.abort === true)
    else if (chosen?.loop && !chosen.pending) this.#step(chosen)
    await this.#settle()
  }

  /** Closes the State: loops end quietly, and what else waits rejects. */
  async closed(): Promise<void> {
    await this.#state.close()
    for (const { loop, pending } of this.#open) {
      if (loop) assert.equal((await (pending?.promise ?? loop.next())).done, true)
      else assert.equal(codeOf((await pending?.promise)?.error), 'ZPROC_CLOSED')
    }
  }

  async end(): Promise<void> {
    await Promise.all([this.#state.close(), this.#other.close()])
  }

  async #write(own: boolean, key: string, value: number): Promise<void> {
    await (own ? this.#state : this.#other).set(key, value)
    this.#log.write(own, key, value)
  }

  async #watch(watch: Watch, isLoop: boolean, then = 'wait'): Promise<void> {
    const asked = { ...watch, keys: isCondition(watch) && watch.keys.length === 0 ? ['a'] : watch.keys }
    const expected = new Expected(this.#log, asked, isLoop, this.#position)
    const abort = new AbortController()
    const timeout = then === 'timeout' && expected.due() === undefined ? 1 : undefined
    const options = { signal: abort.signal, timeout }
    const watcher: Watcher = { expected, abort }
    if (isLoop) {
      watcher.loop = loop(this.#state, asked, options)
      this.#step(watcher)
    } else watcher.pending = waited(once(this.#state, asked, options).then(value => ({ value })))
    this.#open.push(watcher)
    if (timeout) await this.#ends(watcher, error => assert.equal(codeOf(error), 'ZPROC_TIMEOUT'))
    else if (then === 'abort' && expected.due() === undefined) await this.#leave(watcher, true)
  }

  #step(watcher: Watcher): void {
    if (watcher.loop) watcher.pending = waited(watcher.loop.next())
  }

  async #leave(watcher: Watcher, abort: boolean): Promise<void> {
    const { loop, pending } = watcher
    const reason = new Error('enough')
    if (abort || !loop) {
      watcher.abort.abort(reason)
      if (!pending) this.#step(watcher)
      await this.#ends(watcher, error => assert.equal(error, reason))
    } else {
      await loop.return?.()
      this.#open = this.#open.filter(other => other !== watcher)
      if (pending) assert.equal((await this.#outcome(watcher)).done, true)
    }
  }

  /** The watcher ends with an error, and a loop is over then. */
  async #ends(watcher: Watcher, check: (error: unknown) => void): Promise<void> {
    const { error } = await this.#outcome(watcher)
    check(error)
    this.#open = this.#open.filter(other => other !== watcher)
    if (watcher.loop) assert.equal((await watcher.loop.next()).done, true)
  }

  #goLive(): void {
    this.#state.goLive()
    this.#position = this.#log.newest
    for (const { expected } of this.#open) expected.goLive()
  }

  /** Everything that is due comes, and nothing else does. */
  async #settle(): Promise<void> {
    for (const watcher of [...this.#open]) {
      const due = watcher.pending && watcher.expected.due()
      if (due === undefined) continue
      const { value, error } = await this.#outcome(watcher)
      assert.equal(error, undefined)
      this.#check(watcher, value as Seen, due)
    }
    await this.#state.ping()
    for (const { pending, expected } of this.#open)
      if (pending?.outcome)
        assert.fail(`${JSON.stringify(expected.watch)} gave what was not due: ${show(pending.outcome)}`)
  }

  #check(watcher: Watcher, value: Seen, due: number): void {
    const { expected, loop } = watcher
    const isRaw = expected.watch.kind === 'raw'
    const about = `${loop ? 'loop' : 'once'} ${JSON.stringify(expected.watch)}`
    if (isRaw) {
      const { before, revision, identical } = value as RawUpdate<AnyState>
      assert.equal(revision - this.#base, due, about)
      assert.deepEqual(before, this.#log.at(due - 1), about)
      assert.equal(identical, this.#log.isIdentical(due), about)
    }
    assert.deepEqual(isRaw ? (value as RawUpdate<AnyState>).after : value, this.#log.at(due), about)
    expected.handed(due)
    this.#position = Math.max(this.#position, due)
    watcher.pending = undefined
    if (!loop) this.#open = this.#open.filter(other => other !== watcher)
    this.handed++
  }

  async #outcome({ pending, expected }: Watcher): Promise<Outcome> {
    const timer = { end: undefined as NodeJS.Timeout | undefined }
    const late = new Promise<'late'>(resolve => {
      timer.end = setTimeout(resolve, PATIENCE, 'late')
    })
    const outcome = await Promise.race([pending?.promise, late])
    clearTimeout(timer.end)
    assert.ok(outcome && outcome !== 'late', `nothing came of ${JSON.stringify(expected.watch)}`)
    return outcome
  }
}

function waited(promise: Promise<Outcome>): NonNullable<Watcher['pending']> {
  const pending: NonNullable<Watcher['pending']> = {
    promise: promise.catch(error => ({ error })),
  }
  void pending.promise.then(outcome => {
    pending.outcome = outcome
  })
  return pending
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code
const show = (outcome: Outcome): string =>
  JSON.stringify(outcome.error ? String(outcome.error) : outcome.value)

interface More {
  signal: AbortSignal
  timeout: number | undefined
}

function once(state: State<AnyState>, watch: Watch, more: More): Promise<Seen> {
  const { kind, keys, exclude, value, live, own, duplicateOkay } = watch
  const options = { ...more, live, duplicateOkay }
  const key = keys[0] as string
  if (kind === 'raw') return state.getRawUpdate({ ...options, own })
  if (kind === 'change')
    return state.getWhenChange(...keys, { ...options, own, exclude: exclude && keys.length > 0 })
  if (kind === 'equal') return state.getWhenEqual(key, value, options)
  if (kind === 'notEqual') return state.getWhenNotEqual(key, value, options)
  return state.getWhenNotNone(key, options)
}

function loop(state: State<AnyState>, watch: Watch, more: More): AsyncIterableIterator<Seen> {
  const { kind, keys, exclude, value, live, own, duplicateOkay } = watch
  const options = { ...more, live, duplicateOkay }
  const key = keys[0] as string
  if (kind === 'raw') return state.rawUpdates({ ...options, own })
  if (kind === 'change')
    return state.whenChange(...keys, { ...options, own, exclude: exclude && keys.length > 0 })
  if (kind === 'equal') return state.whenEqual(key, value, options)
  if (kind === 'notEqual') return state.whenNotEqual(key, value, options)
  return state.whenNotNone(key, options)
}
