import { useState } from 'preact/hooks'
import type { App } from './app.ts'
import { call } from './call.ts'
import { Dialog } from './dialog.tsx'
import { clock, count } from './words.ts'

/** The key that is selected: its whole value, what ends it, and what can be done with it. */
export function Detail({ app }: { app: App }) {
  const { selected, value } = app.tree
  const [asks, setAsks] = useState<'set' | 'delete'>()
  if (!selected) return null
  const { key } = selected
  const canChange = app.facts?.canWrite === true && app.revision === null
  return (
    <section class="detail" aria-label={`Key ${key}`}>
      <header class="panel-head">
        <h3 class="key">{key}</h3>
        <span class="grow" />
        <button
          type="button"
          onClick={() => {
            app.log.set({ key })
            app.select('log')
          }}
        >
          Its log
        </button>
        {canChange && (
          <>
            <button type="button" onClick={() => setAsks('set')}>
              Edit…
            </button>
            <button type="button" class="danger" onClick={() => setAsks('delete')}>
              Delete…
            </button>
          </>
        )}
        <button type="button" aria-label="Close" onClick={() => app.tree.select(undefined)}>
          ×
        </button>
      </header>
      {value && <Whole app={app} />}
      {asks === 'set' && <Edit app={app} name={key} close={() => setAsks(undefined)} />}
      {asks === 'delete' && <Delete app={app} name={key} close={() => setAsks(undefined)} />}
    </section>
  )
}

function Whole({ app }: { app: App }) {
  const { value } = app.tree
  if (!value) return null
  if (value.text === null)
    return <p class="empty">There is no such key at revision {count(value.revision)}.</p>
  const { lease } = value
  return (
    <>
      {lease && (
        <p class="lease">
          Put by {lease.name} ({lease.pid}){lease.isEphemeral && ', and deleted when that process ends'}
          {lease.expires !== null && `, and deleted at ${clock(lease.expires).slice(0, 8)}`}.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <pre class="whole" tabIndex={0}>
        {value.text}
        {value.isCut && '\n… and more'}
      </pre>
    </>
  )
}

interface AskProps {
  app: App
  name: string
  close(): void
}

function Edit({ app, name, close }: AskProps) {
  const before = app.tree.value?.json ?? ''
  const [json, setJson] = useState(before)
  const [isSure, setSure] = useState(false)
  const problem = problemOf(json)
  return (
    <Dialog
      title={isSure ? `Change ${name}?` : `Edit ${name}`}
      close={close}
      confirm={isSure ? 'Change it' : 'Next…'}
      isReady={problem === '' && json !== before}
      act={async () => {
        if (!isSure) return setSure(true)
        await call('set', { namespace: app.namespace, key: name, json })
        close()
      }}
    >
      {isSure ? (
        <div class="before-after">
          <p class="muted">Before</p>
          <pre class="removed">{app.tree.value?.text ?? ''}</pre>
          <p class="muted">After</p>
          <pre class="added">{json}</pre>
        </div>
      ) : (
        <label class="field-label">
          The value, as JSON
          <textarea
            rows={12}
            spellcheck={false}
            value={json}
            onInput={event => setJson(event.currentTarget.value)}
          />
          <span class="problem">{json === '' ? '' : problem}</span>
        </label>
      )}
    </Dialog>
  )
}

function Delete({ app, name, close }: AskProps) {
  return (
    <Dialog
      title={`Delete ${name}?`}
      close={close}
      confirm="Delete it"
      isReady
      act={async () => {
        await call('delete', { namespace: app.namespace, key: name })
        close()
      }}
    >
      <p>All processes that share this state see that it is gone.</p>
      <pre class="removed">{app.tree.value?.text ?? ''}</pre>
    </Dialog>
  )
}

function problemOf(json: string): string {
  try {
    JSON.parse(json)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
