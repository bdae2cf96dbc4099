import type { ComponentChildren } from 'preact'
import type { ServerDescription } from '../src/protocol/description.ts'
import type { App, Printing } from './app.ts'
import { processLines } from './process-tree.ts'
import { bytes, clock, count, duration, hue } from './words.ts'

/** What the server is doing: its clients, watchers, locks and functions. */
export function ServerView({ app }: { app: App }) {
  const now = app.status?.description
  if (!now)
    return (
      <section class="panel server" aria-label="Server">
        <p class="empty">{app.status?.error ?? 'The server has not described itself yet.'}</p>
      </section>
    )
  return (
    <section class="server" aria-label="Server">
      <Namespaces app={app} now={now} />
      <Processes app={app} now={now} />
      <Output app={app} />
      <Maps app={app} now={now} />
      <Clients now={now} />
      {now.server.backend !== 'redis' && <Watchers now={now} />}
      <Locks now={now} />
      {now.server.backend !== 'redis' && <Functions now={now} />}
      <Unknown now={now} />
    </section>
  )
}

interface TableProps {
  title: string
  heads: string[]
  rows: { id: string; cells: ComponentChildren[]; isBad?: boolean }[]
  none: string
  more: number
}

function Table({ title, heads, rows, none, more }: TableProps) {
  return (
    <section class="panel table" aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        <span class="muted">{count(rows.length + more)}</span>
      </header>
      {rows.length === 0 ? (
        <p class="empty">{none}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
        <div class="scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {heads.map(head => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ id, cells, isBad }) => (
                <tr key={id} class={isBad ? 'bad' : undefined}>
                  {cells.map((cell, i) => (
                    <td key={heads[i]} class={typeof cell === 'number' ? 'number' : undefined}>
                      {typeof cell === 'number' ? count(cell) : cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 && <p class="muted panel-foot">and {count(more)} more</p>}
    </section>
  )
}

const Who = ({ pid, name }: { pid: number | null; name: string }) => (
  <span class={`who hue-${hue(pid ?? 0, name)}`}>
    {name}
    {pid !== null && <span class="pid">{pid}</span>}
  </span>
)

function Namespaces({ app, now }: { app: App; now: ServerDescription }) {
  return (
    <Table
      title="Namespaces"
      heads={['Name', 'Keys', 'Bytes', 'Revision', 'Kept from', 'Kept', 'States', 'Ephemeral', 'With ttl']}
      none="No namespace has keys or States."
      more={now.leftOut.namespaces}
      rows={now.namespaces.map(one => ({
        id: one.name,
        cells: [
          <button type="button" class="link" key="name" onClick={() => app.show(one.name)}>
            {one.name}
          </button>,
          one.keys,
          one.bytes === null ? '–' : bytes(one.bytes),
          one.revision,
          one.oldest,
          bytes(one.historyBytes),
          one.states ?? '–',
          one.ephemeral,
          one.ttl,
        ],
      }))}
    />
  )
}

/** The processes as they are, or as they were at the revision that the slider stands at. */
function Processes({ app, now }: { app: App; now: ServerDescription }) {
  const isThen = app.revision !== null
  const then = app.processes?.processes
  if (isThen && !then) return <NotKept app={app} />
  const shown = isThen && then ? then : now
  return (
    <Table
      title={isThen ? `Processes at revision ${count(app.revision ?? 0)}` : 'Processes'}
      heads={['Process', 'State', 'For', 'Attempt', 'Memory', 'Busy', 'Ended last', 'Output']}
      none="No program used the server."
      more={shown.leftOut.processes + shown.leftOut.pools}
      rows={processLines(shown, isThen ? undefined : app.before).map(one => ({
        id: one.id,
        isBad: one.isBad,
        cells: [
          <span key="who" style={{ paddingLeft: `${one.depth * 20}px` }}>
            <Who pid={one.pid} name={one.name} />
          </span>,
          one.state,
          one.since === null ? '' : duration(shown.time - one.since),
          one.attempt ?? '',
          one.memory,
          one.busy,
          one.last,
          one.printing && !isThen ? <Lines key="output" app={app} of={{ ...one, ...one.printing }} /> : '',
        ],
      }))}
    />
  )
}

/** Why the processes of an earlier revision are not shown. */
function NotKept({ app: { processes, momentProblem } }: { app: App }) {
  const since = processes?.since
  const from = since ? `: they are kept from ${clock(since).slice(0, 8)} on` : ''
  const words = processes
    ? `Which processes there were then is not known${from}.`
    : momentProblem || 'Loading…'
  return (
    <section class="panel table" aria-label="Processes">
      <header class="panel-head">
        <h2>Processes</h2>
      </header>
      <p class="empty">{words}</p>
    </section>
  )
}

function Lines({ app, of: { session, process, name, pid } }: { app: App; of: Printing }) {
  const isOpen = app.printing?.session === session && app.printing.process === process
  return (
    <button
      type="button"
      class="link"
      aria-pressed={isOpen}
      aria-label={`Last lines of ${name}${pid === null ? '' : `, pid ${pid}`}`}
      onClick={() => app.print(isOpen ? undefined : { session, process, name, pid })}
    >
      {isOpen ? 'hide' : 'show'}
    </button>
  )
}

const SEEN: Record<string, string> = {
  all: 'It has printed nothing yet.',
  stderr: 'It has written nothing to stderr. Its stdout goes to that of its program, and is not seen.',
  nothing:
    "What it prints goes to the output of its program, and is not seen: with the option prefix, or stdio: 'pipe', it is.",
  redacted:
    'Values are redacted: output is shown where the module of --redact-with exports redactOutput(line, name).',
  gone: 'Its program has not told what it has printed.',
}

/** The last lines that a process has printed. */
function Output({ app }: { app: App }) {
  const { printing, output, outputProblem } = app
  if (!printing) return null
  const { name, pid } = printing
  return (
    <section class="panel output" aria-label={`Last lines of ${name}`}>
      <header class="panel-head">
        <h2>
          Last lines of <Who pid={pid} name={name} />
        </h2>
        <span class="grow" />
        <button type="button" aria-label="Close" onClick={() => app.print(undefined)}>
          ×
        </button>
      </header>
      {outputProblem && <p class="problem">{outputProblem}</p>}
      {output && output.lines.length === 0 && <p class="empty">{SEEN[output.seen]}</p>}
      {output && output.lines.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
        <ol class="lines" tabIndex={0}>
          {output.lines.map(({ time, stream, text }, i) => (
            <li key={i} class={stream}>
              <span class="muted">{clock(time)}</span> {text}
            </li>
          ))}
        </ol>
      )}
      {output?.seen === 'stderr' && output.lines.length > 0 && (
        <p class="muted panel-foot">of stderr: its stdout is not seen</p>
      )}
    </section>
  )
}

/** What the server cannot tell. */
function Unknown({ now }: { now: ServerDescription }) {
  if (now.unknown.length === 0) return null
  return (
    <section class="panel" aria-label="Not known here">
      <header class="panel-head">
        <h2>Not known here</h2>
      </header>
      <ul class="unknown">
        {now.unknown.map(line => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  )
}

/** Maps and calls with their progress; nothing where there are none. */
function Maps({ app, now }: { app: App; now: ServerDescription }) {
  const of = (description: ServerDescription | undefined) =>
    (description?.pools ?? []).flatMap(pool =>
      pool.maps.map(map => ({ id: `${pool.session} ${pool.kind} ${map.number}`, pool, map })),
    )
  const maps = of(now)
  if (maps.length === 0) return null
  const was = new Map(of(app.before).map(({ id, map }) => [id, map.done]))
  const seconds = app.before ? (now.time - app.before.time) / 1000 : 0
  return (
    <Table
      title="Maps and calls"
      heads={['Function', 'Started by', 'Workers', 'Done', 'In all', 'Progress', 'Waiting', 'A second']}
      none=""
      more={0}
      rows={maps.map(({ id, pool, map }) => ({
        id,
        cells: [
          `${map.unit === 'item' ? 'map' : 'calls'} of ${map.function}`,
          `pid ${pool.parent}`,
          pool.workers.length + pool.moreWorkers,
          map.done,
          map.total ?? '',
          map.total === null ? '' : <Bar key="bar" part={map.done / Math.max(1, map.total)} />,
          map.waiting,
          was.has(id) && seconds > 0 ? Math.round((map.done - (was.get(id) ?? 0)) / seconds) : '',
        ],
      }))}
    />
  )
}

const Bar = ({ part, isBad = false }: { part: number; isBad?: boolean }) => (
  <span class="lag" aria-hidden="true">
    <span class={isBad ? 'lag-bar bad' : 'lag-bar'} style={{ width: `${Math.round(part * 100)}%` }} />
  </span>
)

function Clients({ now }: { now: ServerDescription }) {
  return (
    <Table
      title="Clients"
      heads={['Process', 'Machine', 'For', 'States', 'Requests that wait', 'Ephemeral keys', 'Connection']}
      none="No process is connected."
      more={now.leftOut.sessions}
      rows={now.sessions.map(one => ({
        id: `${one.session}`,
        isBad: one.lost !== null,
        cells: [
          <Who key="who" pid={one.pid} name={one.session === now.asker ? 'this inspector' : one.name} />,
          one.machine,
          duration(now.time - one.since),
          one.states ?? '–',
          one.requests ?? '–',
          one.ephemeral,
          one.lost === null ? 'yes' : `lost for ${duration(now.time - one.lost)}`,
        ],
      }))}
    />
  )
}

const WAITS: Record<string, string> = {
  commits: 'new commits',
  reader: 'its program, which has not used what it was sent',
  connection: 'the connection, which takes no more',
  disk: 'older commits from disk',
  nothing: 'nothing: what comes next is no longer kept',
}

function Watchers({ now }: { now: ServerDescription }) {
  return (
    <Table
      title="Watchers"
      heads={['Process', 'Namespace', 'Behind', 'Lag', 'Sent, not used', 'Waits for', 'For']}
      none="Nothing watches."
      more={now.leftOut.readers}
      rows={now.readers.map((one, i) => ({
        id: `${one.session} ${one.namespace} ${i}`,
        isBad: one.behind >= 1000,
        cells: [
          <Who key="who" pid={one.pid} name={one.session === now.asker ? 'this inspector' : one.name} />,
          one.namespace,
          one.behind,
          <Lag key="lag" behind={one.behind} />,
          bytes(one.unread),
          WAITS[one.waitsFor] ?? one.waitsFor,
          duration(now.time - one.since),
        ],
      }))}
    />
  )
}

/** How far behind, on a scale by powers of ten. */
function Lag({ behind }: { behind: number }) {
  const part = Math.min(1, Math.log10(behind + 1) / 5)
  return <Bar part={part} isBad={behind >= 1000} />
}

function Locks({ now }: { now: ServerDescription }) {
  return (
    <Table
      title="Locks"
      heads={['Namespace', 'Held by', 'In', 'For', 'Waiting', 'Queue']}
      none="No async atomic function has a namespace to itself."
      more={now.leftOut.locks}
      rows={now.locks.map(one => ({
        id: one.namespace,
        isBad: now.time - one.since > 500,
        cells: [
          one.namespace,
          <Who key="who" pid={one.pid} name={one.name} />,
          one.call,
          duration(now.time - one.since),
          one.waiting,
          <ol key="queue" class="queue">
            {one.queue.map((waiting, i) => (
              <li key={i}>
                {waiting.call} by <Who pid={waiting.pid} name={waiting.name} /> for{' '}
                {duration(now.time - waiting.since)}
              </li>
            ))}
          </ol>,
        ],
      }))}
    />
  )
}

function Functions({ now }: { now: ServerDescription }) {
  return (
    <Table
      title="Atomic functions"
      heads={['Name', 'Calls', 'Mean', 'Longest', 'Where']}
      none="No atomic function was called."
      more={now.leftOut.functions}
      rows={now.functions.map(one => ({
        id: `${one.name} ${one.place}`,
        isBad: one.longest >= 100,
        cells: [
          one.name || '(anonymous)',
          one.calls,
          `${(one.ms / Math.max(1, one.timed)).toFixed(3)} ms`,
          `${one.longest.toFixed(1)} ms`,
          one.place,
        ],
      }))}
    />
  )
}
