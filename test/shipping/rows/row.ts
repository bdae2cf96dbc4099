export interface Row {
  group: string
  name: string
  /** Called on the other side. */
  fn: (...args: never[]) => unknown
  /** What that gives there. */
  expected?: unknown
  /** Or the message with which it stays here; FILE:LINE stands for the place. */
  refused?: string
  /** Sent as an atomic function. */
  atomic?: boolean
  /** Run here before it is sent, and after it was. */
  before?: () => void
  /** The environments in which there is no such thing. */
  not?: string[]
}

export const rows: Row[] = []
let group = ''

export function about(name: string): void {
  group = name
}

export function ships(name: string, fn: Row['fn'], expected: unknown, more: Partial<Row> = {}): void {
  rows.push({ group, name, fn, expected, ...more })
}

export function stays(name: string, fn: Row['fn'], refused: string, more: Partial<Row> = {}): void {
  rows.push({ group, name, fn, refused, ...more })
}
