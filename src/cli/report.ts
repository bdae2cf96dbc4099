import { busyPart, diagnose } from '../client/diagnose.ts'
import { duration } from '../client/duration.ts'
import type { LeftOut, ServerDescription } from '../protocol/description.ts'
import { maps, processes, workers } from './report-processes.ts'
import { safe } from './shown.ts'
import { bold, bytes, dim, red, table } from './terminal.ts'

type Section = [title: string, list: keyof LeftOut | undefined, lines: string[]]

/** What a server is doing, as lines for people. `before`: an earlier description, for rates. */
export function report(now: ServerDescription, before?: ServerDescription): string[] {
  const { server, leftOut } = now
  const head = [
    `pid ${server.pid} (${safe(server.backend)})`,
    `up ${duration(now.time - server.started)}`,
    server.backend === 'redis' ? safe(server.node) : `node ${safe(server.node)}`,
    `${bytes(server.memory.rss)} memory`,
    server.connections === 1 ? '1 connection' : `${server.connections} connections`,
    ...(before ? [`${Math.round(100 * busyPart(now, before))} % busy`] : []),
  ]
  const sections: Section[] = [
    ['Namespaces', 'namespaces', namespaces(now, before)],
    ['Clients', 'sessions', clients(now)],
    ['Processes', 'processes', processes(now, before)],
    ['Workers', 'pools', workers(now, before)],
    ['Maps and calls', undefined, maps(now, before)],
    ['Readers', 'readers', readers(now)],
    ['Locks', 'locks', locks(now)],
    ['Atomic functions', 'functions', functions(now)],
  ]
  return [
    `${bold(safe(server.address))}  ${head.join(', ')}`,
    ...diagnose(now, before).map(line => red(`! ${safe(line)}`)),
    ...sections.flatMap(([title, list, lines]) => [
      ...(lines.length > 0 ? ['', bold(title), ...lines] : []),
      ...(list && leftOut[list] > 0 ? [dim(`… and ${leftOut[list]} more`)] : []),
    ]),
    ...(now.unknown.length > 0 ? ['', bold('Not known here'), ...now.unknown.map(safe)] : []),
  ]
}

function namespaces(now: ServerDescription, before: ServerDescription | undefined): string[] {
  const known = new Map(before?.namespaces.map(({ name, revision }) => [name, revision]))
  const seconds = before ? (now.time - before.time) / 1000 : 0
  const rate = (name: string, revision: number) => {
    const was = known.get(name)
    return was === undefined || seconds <= 0 ? '-' : Math.round((revision - was) / seconds)
  }
  const rates = before ? ['COMMITS/S'] : []
  return table(
    ['NAME', 'KEYS', 'REVISION', ...rates, 'KEPT FROM', 'KEPT BYTES', 'BYTES', 'STATES', 'EPHEMERAL', 'TTL'],
    now.namespaces.map(one => [
      safe(one.name),
      one.keys,
      one.revision,
      ...rates.map(() => rate(one.name, one.revision)),
      one.oldest,
      bytes(one.historyBytes),
      one.bytes === null ? '-' : bytes(one.bytes),
      one.states ?? '-',
      one.ephemeral,
      one.ttl,
    ]),
  )
}

function clients({ sessions, asker, time }: ServerDescription): string[] {
  return table(
    ['PID', 'NAME', 'MACHINE', 'FOR', 'STATES', 'WAITING', 'EPHEMERAL', 'CONNECTION'],
    sessions
      .filter(({ session, states }) => session !== asker || (states ?? 0) > 0)
      .map(one => [
        `${one.pid}`,
        safe(one.name),
        safe(one.machine),
        duration(time - one.since),
        one.states ?? '-',
        one.requests ?? '-',
        one.ephemeral,
        one.lost === null ? 'yes' : `lost for ${duration(time - one.lost)}`,
      ]),
  )
}

function readers({ readers, time }: ServerDescription): string[] {
  return table(
    ['PID', 'NAME', 'NAMESPACE', 'BEHIND', 'UNREAD', 'WAITS FOR', 'FOR'],
    readers.map(one => [
      `${one.pid}`,
      safe(one.name),
      safe(one.namespace),
      one.behind,
      bytes(one.unread),
      safe(one.waitsFor),
      duration(time - one.since),
    ]),
  )
}

function locks({ locks, time }: ServerDescription): string[] {
  return table(
    ['NAMESPACE', 'PID', 'NAME', 'CALL', 'FOR', 'WAITING', 'FIRST IN LINE'],
    locks.map(({ queue: [first], ...one }) => [
      safe(one.namespace),
      `${one.pid}`,
      safe(one.name),
      safe(one.call),
      duration(time - one.since),
      one.waiting,
      first ? safe(`${first.call} by ${first.pid} (${first.name})`) : '',
    ]),
  )
}

function functions({ functions }: ServerDescription): string[] {
  return table(
    ['NAME', 'CALLS', 'MEAN MS', 'LONGEST MS', 'PLACE'],
    functions.map(one => [
      safe(one.name || '(anonymous)'),
      one.calls,
      (one.ms / Math.max(1, one.timed)).toFixed(3),
      one.longest.toFixed(3),
      safe(one.place),
    ]),
  )
}
