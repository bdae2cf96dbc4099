import type { LogRow } from '../src/inspect/messages.ts'
import type { App } from './app.ts'
import type { LogFilter } from './log-model.ts'
import { ROW, VirtualList } from './virtual-list.tsx'
import { clock, count, hue } from './words.ts'

/** The log as a timeline: who changed what, the newest first. */
export function Log({ app }: { app: App }) {
  const { log } = app
  const waiting = log.held === undefined ? 0 : app.newest - log.held
  return (
    <section class="panel log" aria-label="Log">
      <header class="panel-head">
        <h2>Log</h2>
        <span class="muted">
          {log.found ? `${count(log.found.rows.length)} found` : `${count(log.total)} commits kept`}
        </span>
        <Filter app={app} name="key" label="Key" />
        <Filter app={app} name="process" label="Process or pid" />
        <Filter app={app} name="method" label="Method" />
      </header>
      {log.problem && <p class="problem">{log.problem}</p>}
      <VirtualList
        total={log.total}
        see={(from, seen) => log.see(from, seen)}
        topOf={`${JSON.stringify(log.filter)} ${log.held === undefined} ${app.namespace}`}
        line={(index, top) => (
          <Line key={log.row(index)?.revision ?? -index} app={app} row={log.row(index)} top={top} />
        )}
        role="list"
        aria-label="Commits, the newest first"
        tabIndex={0}
      >
        {waiting > 0 && (
          <button type="button" class="float" onClick={() => log.release()}>
            ↑ {count(waiting)} newer
          </button>
        )}
      </VirtualList>
      {log.found && <More app={app} />}
    </section>
  )
}

function Filter({ app, name, label }: { app: App; name: keyof LogFilter; label: string }) {
  return (
    <input
      type="search"
      class="grow small"
      placeholder={label}
      aria-label={`Filter by ${label.toLowerCase()}`}
      value={app.log.filter[name]}
      onInput={event => app.log.set({ [name]: event.currentTarget.value })}
    />
  )
}

/** How far back the search has looked. */
function More({ app }: { app: App }) {
  const { log } = app
  const reached = log.found?.reached ?? 0
  const isDone = reached <= app.oldest
  return (
    <footer class="panel-foot">
      <span class="muted">
        {isDone ? 'All commits that are kept were searched.' : `Searched back to revision ${count(reached)}.`}
      </span>
      {!isDone && (
        <button type="button" disabled={log.isSearching} onClick={() => void log.search()}>
          Search further back
        </button>
      )}
    </footer>
  )
}

function Line({ app, row, top }: { app: App; row: LogRow | undefined; top: number }) {
  const style = { transform: `translateY(${top}px)`, height: `${ROW}px` }
  if (!row) return <div class="line pending" style={style} role="presentation" />
  const isShown = app.revision === row.revision
  return (
    // biome-ignore lint/a11y/useSemanticElements: a line of a list of which only a part is there
    <div class={`line commit${isShown ? ' selected' : ''}`} style={style} role="listitem">
      <button
        type="button"
        class="commit-button"
        aria-label={`Revision ${row.revision} by ${row.name} ${row.pid}, ${row.method}: show the state at it`}
        aria-pressed={isShown}
        onClick={() => app.goTo(isShown ? null : row.revision)}
      >
        <span class="time">{clock(row.time)}</span>
        <span class="revision">{count(row.revision)}</span>
        <span class={`who hue-${hue(row.pid, row.name)}`}>
          {row.name}
          <span class="pid">{row.pid}</span>
        </span>
        <span class="method">{row.method}</span>
        <span class="changes">
          {row.changes.map((change, i) => (
            <span key={i} class="change">
              <span class="key">{change.key}</span> {change.text}
            </span>
          ))}
          {row.more > 0 && <span class="muted">and {count(row.more)} more</span>}
          {row.isIdentical && <span class="muted">(nothing differs)</span>}
        </span>
      </button>
    </div>
  )
}
