import type { ComponentChildren } from 'preact'
import type { ServerDescription } from '../src/protocol/description.ts'
import type { App } from './app.ts'
import { processLines } from './process-tree.ts'
import { bytes, count, duration, hue } from './words.ts'

/** What the server is doing: its clients, watchers, locks and functions. */
export function ServerView({ app }: { app: App }) {
  const now = app.status?.description
  if (!now)
    return (
      <section class="panel server" aria-label="Server">
        <p class="empty">{app.status?.error ?? 'The server has not described itself: Redis does not.'}</p>
      </section>
    )
  return (
    <section class="server" aria-label="Server">
      <Namespaces app={app} now={now} />
      <Processes app={app} now={now} />
      <Maps app={app} now={now} />
      <Clients now={now} />
      <Watchers now={now} />
      <Locks now={now} />
      <Functions now={now} />
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
      heads={['Name', 'Keys', 'Revision', 'Kept from', 'Kept', 'States', 'Ephemeral', 'With ttl']}
      none="No namespace has keys or States."
      more={now.leftOut.namespaces}
      rows={now.namespaces.map(one => ({
        id: one.name,
        cells: [
          <button type="button" class="link" key="name" onClick={() => app.show(one.name)}>
            {one.name}
          </button>,
          one.keys,
          one.revision,
          one.oldest,
          bytes(one.historyBytes),
          one.states,
          one.ephemeral,
          one.ttl,
        ],
      }))}
    />
  )
}

function Processes({ app, now }: { app: App; now: ServerDescription }) {
  return (
    <Table
      title="Processes"
      heads={['Process', 'State', 'For', 'Attempt', 'Memory', 'Busy', 'Ended last']}
      none="No program uses the server."
      more={now.leftOut.processes + now.leftOut.pools}
      rows={processLines(now, app.before).map(one => ({
        id: one.id,
        isBad: one.isBad,
        cells: [
          <span key="who" style={{ paddingLeft: `${one.depth * 20}px` }}>
            <Who pid={one.pid} name={one.name} />
          </span>,
          one.state,
          one.since === null ? '' : duration(now.time - one.since),
          one.attempt ?? '',
          one.memory,
          one.busy,
          one.last,
        ],
      }))}
    />
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
          one.states,
          one.requests,
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
