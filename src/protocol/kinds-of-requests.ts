/** The kinds of requests, by groups: `isRead`, `isWrite` and `isOfState` tell them apart by their numbers. */
export const Ask = {
  ping: 0,
  open: 1,
  close: 2,
  leave: 3,
  flushed: 4,
  describe: 5,
  reports: 6,
  reported: 7,
  end: 8,
  watch: 9,
  // 10–19: reads
  get: 10,
  has: 11,
  size: 12,
  keys: 13,
  values: 14,
  items: 15,
  equals: 16,
  lease: 17,
  page: 18,
  when: 19,
  // 20–39: what may change the state, one atomic step each
  set: 20,
  replace: 21,
  update: 22,
  delete: 23,
  clear: 24,
  pop: 25,
  popItem: 26,
  setDefault: 27,
  atomic: 28,
  // 40–49: functions and holds
  define: 40,
  hold: 41,
  release: 42,
  // 50–: reading the log, and looking on
  feed: 50,
  credit: 51,
  seek: 52,
  unfeed: 53,
  awaiting: 54,
  unwatch: 55,
  output: 56,
  printed: 57,
} as const

/** Whether a kind reads the state, or its log, in one step. */
export const isRead = (kind: number): boolean => kind >= Ask.get && kind < Ask.set

/** Whether a kind may change the state, in one step. */
export const isWrite = (kind: number): boolean => kind >= Ask.set && kind < Ask.define

/** Whether a kind is about the state: it reads, writes, or is part of a hold. */
export const isOfState = (kind: number): boolean =>
  isRead(kind) || isWrite(kind) || kind === Ask.hold || kind === Ask.release

/** The kinds that have no answer. */
export const unanswered: ReadonlySet<number> = new Set([
  Ask.close,
  Ask.leave,
  Ask.define,
  Ask.credit,
  Ask.unfeed,
  Ask.awaiting,
  Ask.reports,
  Ask.reported,
  Ask.watch,
  Ask.unwatch,
  Ask.printed,
])

const methods = new Map<number, string>(Object.entries(Ask).map(([name, kind]) => [kind, name]))

/** What the messages of a kind ask for, in a word. */
export const methodName = (kind: number): string => methods.get(kind) ?? ''
