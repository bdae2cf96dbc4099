import type { App } from './app.ts'
import { clock, count } from './words.ts'

/** A slider over the revisions, and what the commit that it stands at has changed. */
export function Timeline({ app }: { app: App }) {
  const { oldest, newest } = app
  const at = app.revision ?? newest
  const isLive = app.revision === null
  const step = (by: number) => app.goTo(at + by)
  return (
    <section class="panel timeline" aria-label="Revisions">
      <div class="slider">
        <button type="button" onClick={() => step(-1)} disabled={at <= oldest} aria-label="One commit back">
          ‹
        </button>
        <input
          type="range"
          min={Math.min(oldest, newest)}
          max={newest}
          value={at}
          disabled={newest < oldest}
          aria-label="Revision"
          aria-valuetext={isLive ? `live, revision ${at}` : `revision ${at} of ${newest}`}
          onInput={event => app.goTo(event.currentTarget.valueAsNumber)}
        />
        <button
          type="button"
          onClick={() => step(1)}
          disabled={isLive || at >= newest}
          aria-label="One commit on"
        >
          ›
        </button>
        <button
          type="button"
          class={isLive ? 'live on' : 'live'}
          aria-pressed={isLive}
          disabled={isLive && newest < oldest}
          onClick={() => app.goTo(isLive ? newest : null)}
        >
          {isLive ? 'Live' : 'Go live'}
        </button>
      </div>
      <Where app={app} />
      {!isLive && <Differences app={app} />}
    </section>
  )
}

function Where({ app }: { app: App }) {
  const { revision, moment, newest, oldest } = app
  if (revision === null)
    return (
      <p class="where muted">
        Revision {count(newest)}
        {newest >= oldest && oldest > 1 ? `, kept from ${count(oldest)}` : ''}
      </p>
    )
  return (
    <p class="where" aria-live="polite">
      <strong>Revision {count(revision)}</strong> of {count(newest)}
      {moment?.revision === revision && (
        <>
          {' · '}
          {clock(moment.time)}
          {' · '}
          {moment.name} ({moment.pid}) · {moment.method}
        </>
      )}
    </p>
  )
}

function Differences({ app }: { app: App }) {
  const { moment } = app
  if (app.momentProblem) return <p class="problem">{app.momentProblem}</p>
  if (!moment) return null
  if (moment.diffs.length === 0) return <p class="empty">Nothing differs from the revision before.</p>
  return (
    <ul class="diffs" aria-label="What this commit changed">
      {moment.diffs.map(({ key, path, before, after }) => (
        <li key={`${key}\n${path}`}>
          <button type="button" class="diff-key" onClick={() => app.tree.select({ key, path: [] })}>
            <span class="key">{key}</span>
            {path}
          </button>
          {before !== null && <del>{before}</del>}
          {after !== null && <ins>{after}</ins>}
          {after === null && <span class="muted">deleted</span>}
        </li>
      ))}
      {moment.isCut && <li class="muted">… and more</li>}
    </ul>
  )
}
