import { showValues, type Values, valuesOf } from './calls.ts'
import type { Logged } from './records.ts'
import type { Found } from './violations.ts'

/** All states that a namespace went through, by revision, as the witness saw them. */
export interface Log {
  /** The newest revision. */
  end: number
  /** Commit `revision`, from 1 on. */
  at(revision: number): Logged
  /** The state at `revision`, from 0 on, in the order in which the keys came. */
  values(revision: number): Values
  /** The same as text. */
  text(revision: number): string
  /** The keys whose values commit `revision` changed. */
  changed(revision: number): ReadonlySet<string>
}

/** Reads the witness's log, which must be without gaps and make sense by itself. */
export function readLog(logged: readonly Logged[], found: Found): Log {
  const values: Values[] = [new Map()]
  const texts: string[] = ['']
  const changed: Set<string>[] = [new Set()]
  for (const [i, commit] of logged.entries()) {
    const revision = i + 1
    if (commit.revision !== revision)
      found('broken log', `commit ${revision} is missing: the witness was told of ${commit.revision} there`)
    const before = values[i]!
    if (showValues(valuesOf(commit.before)) !== texts[i])
      found('broken log', `commit ${revision} does not begin where the one before ended`)
    const after = valuesOf(commit.after)
    values.push(after)
    texts.push(showValues(after))
    const keys = new Set([...before.keys(), ...after.keys()])
    changed.push(new Set([...keys].filter(key => before.get(key) !== after.get(key))))
    if (commit.identical !== (changed[revision]!.size === 0))
      found('broken log', `commit ${revision} says identical: ${commit.identical}, which it is not`)
  }
  return {
    end: logged.length,
    at: revision => logged[revision - 1]!,
    values: revision => values[revision]!,
    text: revision => texts[revision]!,
    changed: revision => changed[revision]!,
  }
}
