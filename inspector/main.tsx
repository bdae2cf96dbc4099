import { options, render } from 'preact'
import { App, type Tab } from './app.ts'
import { Charts } from './charts.tsx'
import { Detail } from './detail.tsx'
import { Log } from './log.tsx'
import { ServerView } from './server.tsx'
import { Timeline } from './timeline.tsx'
import { Tree } from './tree.tsx'
import { duration } from './words.ts'

// Whatever changes in between, the page is drawn once for each frame.
options.debounceRendering = draw => void requestAnimationFrame(draw)

let isDue = false
const app = new App(() => {
  if (isDue) return
  isDue = true
  requestAnimationFrame(() => {
    isDue = false
    render(<Page />, document.body)
  })
})

const TABS: { tab: Tab; label: string }[] = [
  { tab: 'state', label: 'State' },
  { tab: 'log', label: 'Log' },
  { tab: 'server', label: 'Server' },
]

function Page() {
  if (app.connection === 'refused') return <Refused />
  return (
    <div class={`page tab-${app.tab}`}>
      <Head />
      <Verdicts />
      <Charts app={app} />
      <nav class="tabs" aria-label="Views">
        {TABS.map(({ tab, label }) => (
          <button
            key={tab}
            type="button"
            class={`tab-button-${tab}`}
            aria-current={app.tab === tab ? 'page' : undefined}
            onClick={() => app.select(tab)}
          >
            {label}
          </button>
        ))}
      </nav>
      <main>
        {app.tab === 'server' ? (
          <>
            <Timeline app={app} />
            <ServerView app={app} />
          </>
        ) : (
          <>
            <Timeline app={app} />
            <div class="columns">
              <div class="column-state">
                <Tree app={app} />
                <Detail app={app} />
              </div>
              <Log app={app} />
            </div>
          </>
        )}
      </main>
    </div>
  )
}

function Head() {
  const { facts, status, connection } = app
  const server = status?.description?.server
  const namespaces = new Set([
    app.namespace,
    ...(status?.description?.namespaces.map(({ name }) => name) ?? []),
  ])
  return (
    <header class="head">
      <img src="/icon.svg" alt="" width="24" height="24" />
      <h1>zproc</h1>
      <span class="address" title={facts?.address}>
        {facts?.address}
      </span>
      {server && (
        <span class="muted facts">
          pid {server.pid} ·{' '}
          {server.backend === 'redis'
            ? server.node
            : `${server.backend} · Node ${server.node.replace(/^v/, '')}`}{' '}
          · up {duration((status?.time ?? 0) - server.started)}
        </span>
      )}
      <span class="grow" />
      <label class="namespace">
        <span class="muted">Namespace</span>
        <select
          aria-label="Namespace"
          value={app.namespace}
          onChange={event => app.show(event.currentTarget.value)}
        >
          {[...namespaces].map(name => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {facts?.redacts && <span class="tag">values redacted</span>}
      <span class={facts?.canWrite ? 'tag warn' : 'tag'}>{facts?.canWrite ? 'can write' : 'read-only'}</span>
      <span class={`dot ${connection}`} role="img" aria-label={`Connection: ${connection}`} />
    </header>
  )
}

/** What is stuck, in words, or that nothing is. */
function Verdicts() {
  const { status, tick, connection, problem } = app
  const lines = [
    ...(connection === 'lost'
      ? [
          `The inspector does not answer${problem ? `: ${problem}` : ''}. It was ended, or is about to be back.`,
        ]
      : []),
    ...(status?.error ? [status.error] : []),
    ...(tick?.error ? [tick.error] : []),
    ...(status?.verdicts ?? []),
  ]
  return (
    <section class="verdicts" aria-label="What is stuck" aria-live="polite">
      {lines.length === 0 ? (
        <p class="fine">{status ? 'Nothing is stuck.' : 'Connecting…'}</p>
      ) : (
        <ul>
          {[...new Set(lines)].map(line => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Refused() {
  return (
    <main class="refused">
      <img src="/icon.svg" alt="" width="40" height="40" />
      <h1>Not let in</h1>
      <p>{app.problem}</p>
      <p class="muted">
        The URL that <code>npx zproc inspect</code> prints has a secret in it, which this address lacks.
      </p>
    </main>
  )
}

// A slash goes to the filter, as on other pages.
addEventListener('keydown', event => {
  const at = event.target as HTMLElement
  if (event.key !== '/' || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return
  const filter = document.querySelector<HTMLInputElement>('[data-shortcut="/"]')
  if (!filter) return
  event.preventDefault()
  filter.focus()
})

app.changed()
void app.run()
