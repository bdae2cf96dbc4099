import { current, isDraft } from 'mutative'

/** The console of functions that work on drafts: what prints looks past proxies, and would show their insides. */
export const printing: Console = new Proxy(console, {
  get: (_, name) => {
    const found: unknown = Reflect.get(console, name)
    if (typeof found !== 'function') return found
    return (...args: unknown[]): unknown => Reflect.apply(found, console, args.map(plain))
  },
})

// Parts of the state, also as they are often printed: `{ list: state.list }`, `[...state.list]`.
function plain(value: unknown): unknown {
  if (Array.isArray(value) && !isDraft(value)) return value.map(now)
  if (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    !isDraft(value)
  )
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, now(part)]))
  return now(value)
}

const now = (value: unknown): unknown => (isDraft(value) ? current(value as object) : value)
