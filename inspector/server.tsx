import type { ComponentChildren } from 'preact'
import type { ServerDescription } from '../src/protocol/description.ts'
import type { App } from './app.ts'
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

const Who = ({ pid, name }: { pid: number; name: string }) => (
  <span class={`who hue-${hue(pid, name)}`}>
    {name}
    <span class="pid">{pid}</span>
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

function Clients({ now }: { now: ServerDescription }) {
  return (
    <Table
      title="Processes"
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
  return (
    <span class="lag" aria-hidden="true">
      <span
        class={behind >= 1000 ? 'lag-bar bad' : 'lag-bar'}
        style={{ width: `${Math.round(part * 100)}%` }}
      />
    </span>
  )
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
