// The token, and calls to the inspector that carry it.

const KEPT = 'zproc inspect: token'

/** The inspector has refused a call. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Takes the token out of the address, so that neither the address bar nor the history keeps it. It is kept for this tab, which
 * may be loaded again.
 */
export async function enter(): Promise<void> {
  const given = new URLSearchParams(location.hash.slice(1))
  history.replaceState(null, '', location.pathname)
  const token = given.get('token')
  const once = given.get('once')
  if (token) sessionStorage.setItem(KEPT, token)
  else if (once) {
    const answer = await post('enter', {}, `Once ${once}`)
    const made: { token: string } = await answer.json()
    sessionStorage.setItem(KEPT, made.token)
  }
}

/** Asks the inspector. */
export async function call<T>(name: string, question: object): Promise<T> {
  const answer = await post(name, question, bearer())
  return answer.json()
}

/** The lines of an answer without end, until `signal` is aborted or the inspector ends. */
export async function* lines<T>(name: string, question: object, signal: AbortSignal): AsyncGenerator<T> {
  const answer = await post(name, question, bearer(), signal)
  if (!answer.body) return
  let rest = ''
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const parts = (rest + value).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) yield JSON.parse(line)
  }
}

const bearer = (): string => `Bearer ${sessionStorage.getItem(KEPT) ?? ''}`

async function post(name: string, question: object, authorization: string, signal?: AbortSignal) {
  const answer = await fetch(`/api/${name}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(question),
    signal: signal ?? null,
  })
  if (answer.ok) return answer
  const { error } = await answer.json().catch(() => ({ error: answer.statusText }))
  throw new Refusal(answer.status, error)
}
