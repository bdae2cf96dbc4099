import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

interface Props {
  title: string
  /** What the button says that does it. */
  confirm: string
  isReady: boolean
  act(): Promise<void>
  close(): void
  children: ComponentChildren
}

/** A question that must be answered first. Escape answers no. */
export function Dialog({ title, confirm, isReady, act, close, children }: Props) {
  const box = useRef<HTMLDialogElement>(null)
  const [problem, setProblem] = useState('')
  useEffect(() => box.current?.showModal(), [])
  return (
    <dialog ref={box} onClose={close} aria-label={title}>
      <form
        onSubmit={event => {
          event.preventDefault()
          act().catch((error: Error) => setProblem(error.message))
        }}
      >
        <h2>{title}</h2>
        {children}
        {problem && <p class="problem">{problem}</p>}
        <footer>
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={!isReady}>
            {confirm}
          </button>
        </footer>
      </form>
    </dialog>
  )
}
