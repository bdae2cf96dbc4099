import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { type AnyState, MissedUpdatesError, type RawUpdate, type Snapshot, State } from 'zproc'
import { elsewhere } from '../kit/elsewhere.ts'
import { Expected, isCondition, Log, type Values, type Watch } from './watch-model.ts'

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
  /** Made at once, each by one of three States. */
  writes?: Write[]
  /** So many large ones by another State: what a reader is sent ahead does not hold them. */
  count?: number
}

interface Write {
  by: number
  key: string
  value: number
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

/** The name that the commits of the watching State carry. */
const OWN = 'own'
/** Three of them are more than a reader is sent ahead of what is consumed. */
const LARGE = 'x'.repeat(100_000)

/** Takes the steps of a program with real States, and compares each outcome with the model's. */
export class Watching {
  handed = 0
  readonly #state: State<AnyState>
  readonly #other: State<AnyState>
  readonly #third: State<AnyState>
  /** The log as it is. */
  readonly #witness: AsyncIterator<RawUpdate<AnyState>>
  readonly #log: Log
  /** The revision that the model calls 0. */
  readonly #base: number
  #position = 0
  /** Before it has watched, a State has missed nothing. */
  #hasBegun = false
  /** Since its first watcher, a State knows where it is on the log. */
  #isPlaced = false
  #unique = 0
  /** The updates that the State was told were missed. */
  gaps = 0
  #open: Watcher[] = []

  private constructor(state: State<AnyState>, other: State<AnyState>, log: Log, base: number) {
    this.#state = state
    this.#other = other
    this.#third = other.fork()
    this.#witness = other.fork().rawUpdates({ duplicateOkay: true })
    this.#log = log
    this.#base = base
  }

  /** `limit`: updates that the server keeps of a log. */
  static async begin(address: string, namespace: string, limit: number): Promise<Watching> {
    const initial = { a: 0, b: 1 }
    const other = new State<AnyState>(elsewhere(address), { namespace })
    await other.set(initial)
    const state = new State<AnyState>(address, { namespace }, { name: OWN })
    await state.size()
    const view = await other.view()
    const watching = new Watching(state, other, new Log(initial, limit), view.revision)
    view.close()
    // The witness reads from here on.
    await watching.#write(other, 'a', 0)
    return watching
  }

  async take(step: Step): Promise<void> {
    const chosen = this.#open[(step.which ?? 0) % this.#open.length]
    const before = this.#log.newest
    if (step.do === 'write')
      await this.#write(step.own ? this.#state : this.#other, step.key as string, step.value as number)
    else if (step.do === 'burst') await this.#burst(step.writes as Write[])
    else if (step.do === 'bulk')
      for (let i = 0; i < (step.count as number); i++)
        await this.#write(this.#other, 'c', `${LARGE}${++this.#unique}`)
    else if (step.do === 'once') await this.#watch(step.watch as Watch, false, step.then)
    else if (step.do === 'loop') await this.#watch(step.watch as Watch, true, step.then)
    else if (step.do === 'goLive') this.#goLive()
    else if (chosen && step.do === 'leave') await this.#leave(chosen, step.abort === true)
    else if (chosen?.loop && !chosen.pending) this.#step(chosen)
    await this.#settle(before)
  }

  /** Closes the State: loops end quietly, and what else waits rejects. */
  async closed(): Promise<void> {
    await this.#state.close()
    for (const watcher of this.#open) {
      const { loop, pending } = watcher
      const outcome: Outcome = await (pending?.promise ?? loop?.next() ?? {})
      if (this.#missed(watcher, outcome.error)) continue
      if (loop) assert.equal(outcome.done, true)
      else assert.equal(codeOf(outcome.error), 'ZPROC_CLOSED')
    }
  }

  async end(): Promise<void> {
    await this.#witness.return?.()
    await Promise.all([this.#state.close(), this.#other.close(), this.#third.close()])
  }

  /** Lets a State make one commit, and takes it down. */
  async #write(state: State<AnyState>, key: string, value: number | string): Promise<void> {
    await Promise.all([state.set(key, value), this.#witnessed(() => ({ [key]: value }))])
  }

  /** Writes at once: each makes a state that there was not before, which tells its revision. */
  async #burst(writes: readonly Write[]): Promise<void> {
    const states = [this.#state, this.#other, this.#third]
    const made = new Map<unknown, Values>()
    const calls = writes.map(({ by, key, value }) => {
      const values = { [key]: value, d: ++this.#unique }
      made.set(values.d, values)
      return (states[by] as State<AnyState>).update(values)
    })
    for (const _ of writes) await this.#witnessed(({ d }) => made.get(d) as Values)
    await Promise.all(calls)
  }

  /** Takes down the next commit; `wrote` says what that was, by the state after it. */
  async #witnessed(wrote: (after: Snapshot<AnyState>) => Values): Promise<void> {
    const { value } = await this.#witness.next()
    const { after, by, revision } = value as RawUpdate<AnyState>
    assert.equal(revision - this.#base, this.#log.newest + 1)
    this.#log.write(by.name === OWN, wrote(after))
    assert.deepEqual(after, this.#log.at(this.#log.newest))
  }

  async #watch(watch: Watch, isLoop: boolean, then = 'wait'): Promise<void> {
    const asked = { ...watch, keys: isCondition(watch) && watch.keys.length === 0 ? ['a'] : watch.keys }
    const hadBegun = this.#hasBegun
    const wasPlaced = this.#isPlaced
    this.#isPlaced = true
    if (!asked.live) this.#begin()
    const expected = new Expected(this.#log, asked, isLoop, this.#position)
    const abort = new AbortController()
    // Whether the first watcher has begun when its time is up is not known.
    const isTimed = then === 'timeout' && (hadBegun || asked.live) && expected.due() === undefined
    const timeout = isTimed ? 1 : undefined
    const options = { signal: abort.signal, timeout }
    const watcher: Watcher = { expected, abort }
    if (isLoop) {
      watcher.loop = loop(this.#state, asked, options)
      this.#step(watcher)
    } else watcher.pending = waited(once(this.#state, asked, options).then(value => ({ value })))
    this.#open.push(watcher)
    if (timeout) await this.#ends(watcher, error => assert.equal(codeOf(error), 'ZPROC_TIMEOUT'))
    else if (then === 'abort' && expected.due() === undefined) {
      await this.#leave(watcher, true)
      // The very first was over before it began; another one began in its call.
      if (!wasPlaced) this.#hasBegun = hadBegun
    }
  }

  /** The first buffered watcher begins at the oldest update that is kept. */
  #begin(): void {
    if (!this.#hasBegun) this.#position = Math.max(this.#position, this.#log.dropped)
    this.#hasBegun = true
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
      if (!pending) return
      const { done, error } = await this.#outcome(watcher)
      if (!this.#missed(watcher, error)) assert.equal(done, true)
    }
  }

  /** The watcher ends with an error, and a loop is over then. */
  async #ends(watcher: Watcher, check: (error: unknown) => void): Promise<void> {
    const { error } = await this.#outcome(watcher)
    if (this.#missed(watcher, error)) return
    check(error)
    this.#open = this.#open.filter(other => other !== watcher)
    if (watcher.loop) assert.equal((await watcher.loop.next()).done, true)
  }

  #goLive(): void {
    this.#state.goLive()
    this.#position = this.#log.newest
    this.#hasBegun = true
    for (const { expected } of this.#open) expected.goLive()
  }

  /** Everything that is due comes, and nothing else does. `before`: the newest revision before the step. */
  async #settle(before: number): Promise<void> {
    for (const watcher of [...this.#open]) {
      if (!watcher.pending || watcher.expected.due() === undefined) continue
      const { value, error } = await this.#outcome(watcher)
      if (this.#missed(watcher, error)) continue
      assert.equal(error, undefined)
      this.#check(watcher, value as Seen, before)
    }
    await this.#state.ping()
    for (const watcher of [...this.#open]) {
      const { pending, expected } = watcher
      if (!pending?.outcome || this.#missed(watcher, pending.outcome.error)) continue
      // A live loop may have looked when there was something, which is not due any more.
      if (expected.watch.live && pending.outcome.value) this.#check(watcher, pending.outcome.value, before)
      else assert.fail(`${JSON.stringify(expected.watch)} gave what was not due: ${show(pending.outcome)}`)
    }
  }

  #check(watcher: Watcher, value: Seen, newest: number): void {
    const { expected, loop } = watcher
    const isRaw = expected.watch.kind === 'raw'
    const about = `${loop ? 'loop' : 'once'} ${JSON.stringify(expected.watch)}`
    const after = isRaw ? (value as RawUpdate<AnyState>).after : (value as Snapshot<AnyState>)
    const seen = isRaw
      ? (value as RawUpdate<AnyState>).revision - this.#base
      : this.#revisionOf(after, expected, newest)
    assert.ok(expected.may(seen, newest), `${about}: ${seen} came, and ${expected.due()} was due`)
    if (isRaw) {
      const { before, identical } = value as RawUpdate<AnyState>
      assert.deepEqual(before, this.#log.at(seen - 1), about)
      assert.equal(identical, this.#log.isIdentical(seen), about)
    }
    assert.deepEqual(after, this.#log.at(seen), about)
    expected.handed(seen)
    this.#position = Math.max(this.#position, seen)
    this.#hasBegun = true
    watcher.pending = undefined
    if (!loop) this.#open = this.#open.filter(other => other !== watcher)
    this.handed++
  }

  /** The revision of a state: what is due, unless it is another that may be handed out. */
  #revisionOf(state: Snapshot<AnyState>, expected: Expected, before: number): number {
    const is = (revision: number) => isDeepStrictEqual(state, this.#log.at(revision))
    const due = expected.due()
    if (due !== undefined && is(due)) return due
    for (let revision = this.#log.newest; revision > 0; revision--)
      if (is(revision) && expected.may(revision, before)) return revision
    assert.fail(`${JSON.stringify(expected.watch)} gave ${JSON.stringify(state)}, and ${due} was due`)
  }

  /** Whether the watcher was told of a gap, which there was: the State goes on behind it. */
  #missed(watcher: Watcher, error: unknown): boolean {
    if (!(error instanceof MissedUpdatesError)) return false
    const [from, to] = [error.from - this.#base, error.to - this.#base]
    const { expected } = watcher
    assert.ok(expected.mayMiss(from, to), `${JSON.stringify(expected.watch)} missed ${from} to ${to}`)
    this.#position = Math.max(this.#position, to)
    this.#open = this.#open.filter(other => other !== watcher)
    this.gaps++
    return true
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
