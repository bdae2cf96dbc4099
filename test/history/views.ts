import type { Commits } from './commits.ts'
import type { Log } from './log.ts'
import type { CallRecord, ViewRecord } from './records.ts'
import type { Found } from './violations.ts'

/** A view shows the state at its revision, never goes back, and holds what its own State was acknowledged. */
export function checkViews(
  views: readonly ViewRecord[],
  calls: readonly CallRecord[],
  commits: Commits,
  log: Log,
  found: Found,
): void {
  let last = 0
  for (const view of views) {
    const shown = `the view of ${view.by}, at revision ${view.revision},`
    if (view.revision < last) found('went back', `${shown} was at ${last} before`)
    if (view.revision > log.end || view.state !== log.text(view.revision))
      found('torn snapshot', `${shown} does not show the state there: ${JSON.stringify(view.state)}`)
    for (const call of calls) {
      const commit =
        call.returned !== undefined && call.returned < view.invoked ? commits.get(call) : undefined
      if (commit !== undefined && commit > view.revision && call.result !== undefined)
        found('stale view', `${shown} lacks commit ${commit}, which its State was acknowledged`)
    }
    last = view.revision
  }
}
