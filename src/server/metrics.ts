import type { ServerDescription } from '../protocol/description.ts'

type Labels = Readonly<Record<string, string>>
type Sample = [labels: Labels, value: number]

/** What a server says of itself as Prometheus reads it: its text format, version 0.0.4. */
export function metricsOf(told: ServerDescription): string {
  return families(told)
    .filter(([, , , samples]) => samples.length > 0)
    .map(family => shown(...family))
    .join('')
}

type Family = [name: string, kind: 'counter' | 'gauge', help: string, samples: Sample[]]

const families = (told: ServerDescription): Family[] => [
  ...ofServer(told),
  ...ofNamespaces(told),
  ...ofFunctions(told),
  ...ofProcesses(told),
]

function ofServer({ server, sessions, leftOut, time }: ServerDescription): Family[] {
  const { version, backend } = { version: server.node, backend: server.backend }
  const { active, idle } = server.eventLoop
  const waiting = sessions.reduce((sum, { requests }) => sum + (requests ?? 0), 0)
  const silent = sessions.filter(one => one.silent !== null).length
  const seconds = 'zproc_server_event_loop_seconds_total'
  return [
    ['zproc_server_info', 'gauge', 'The server.', [[{ version, backend }, 1]]],
    gauge('zproc_server_start_time_seconds', 'When the server began, since 1970.', server.started / 1000),
    gauge('zproc_server_uptime_seconds', 'For how long the server has run.', (time - server.started) / 1000),
    gauge('zproc_server_resident_memory_bytes', 'Memory of the process.', server.memory.rss),
    gauge('zproc_server_heap_used_bytes', 'What of the heap is used.', server.memory.heapUsed),
    [
      seconds,
      'counter',
      'Time in which the thread of the server has worked, and has waited.',
      [
        [{ state: 'active' }, active / 1000],
        [{ state: 'idle' }, idle / 1000],
      ],
    ],
    [
      'zproc_connection_bytes_total',
      'counter',
      'Bytes of its connections.',
      [
        [{ direction: 'received' }, server.bytes.received],
        [{ direction: 'sent' }, server.bytes.sent],
      ],
    ],
    gauge('zproc_connections', 'Clients that have a connection.', server.connections),
    gauge(
      'zproc_sessions',
      'Clients, those without a connection included.',
      sessions.length + leftOut.sessions,
    ),
    gauge(
      'zproc_requests_waiting',
      'Requests that wait: for a lock, the disk, code, or their client.',
      waiting,
    ),
    gauge('zproc_clients_silent', 'Programs with a Context that do not answer.', silent),
  ]
}

function ofNamespaces({ namespaces, readers, locks, time }: ServerDescription): Family[] {
  const each = (value: (one: (typeof namespaces)[number]) => number): Sample[] =>
    namespaces.map(one => [{ namespace: one.name }, value(one)])
  const behind = new Map<string, number>()
  for (const { namespace, behind: by } of readers)
    behind.set(namespace, Math.max(behind.get(namespace) ?? 0, by))
  return [
    ['zproc_commits_total', 'counter', 'Commits of a namespace.', each(({ revision }) => revision)],
    ['zproc_keys', 'gauge', 'Keys of a namespace.', each(({ keys }) => keys)],
    ['zproc_states', 'gauge', 'States that are open on a namespace.', each(({ states }) => states ?? 0)],
    ['zproc_history_bytes', 'gauge', 'Memory of the commits that are kept.', each(one => one.historyBytes)],
    [
      'zproc_reader_behind_commits',
      'gauge',
      'Commits that the last of the readers of a namespace has not been sent.',
      Array.from(behind, ([namespace, by]): Sample => [{ namespace }, by]),
    ],
    [
      'zproc_lock_held_seconds',
      'gauge',
      'For how long an async atomic function has had a namespace to itself.',
      locks.map(({ namespace, since }): Sample => [{ namespace }, Math.max(0, time - since) / 1000]),
    ],
    [
      'zproc_lock_waiting',
      'gauge',
      'Calls that wait for that to end.',
      locks.map(({ namespace, waiting }): Sample => [{ namespace }, waiting]),
    ],
  ]
}

function ofFunctions({ functions }: ServerDescription): Family[] {
  const each = (value: (one: (typeof functions)[number]) => number): Sample[] =>
    functions.map(one => [{ function: one.name, place: one.place }, value(one)])
  return [
    ['zproc_atomic_calls_total', 'counter', 'Calls of an atomic function.', each(({ calls }) => calls)],
    ['zproc_atomic_timed_calls_total', 'counter', 'Those that were timed.', each(({ timed }) => timed)],
    ['zproc_atomic_timed_seconds_total', 'counter', 'What those took in all.', each(({ ms }) => ms / 1000)],
  ]
}

function ofProcesses({ processes, pools }: ServerDescription): Family[] {
  const pool = (value: (one: (typeof pools)[number]) => number): Sample[] =>
    pools.map(one => [{ kind: one.kind }, value(one)])
  const waiting = pool(({ maps }) => maps.reduce((sum, one) => sum + one.waiting, 0))
  return [
    [
      'zproc_processes',
      'gauge',
      'Processes of Contexts.',
      processes.map(({ state }): Sample => [{ state }, 1]),
    ],
    [
      'zproc_process_recent_restarts',
      'gauge',
      'How often processes of a name were started again within the last 10 seconds.',
      processes.map(({ name, recentRestarts }): Sample => [{ name }, recentRestarts]),
    ],
    [
      'zproc_pool_workers',
      'gauge',
      'Workers of pools.',
      pool(({ workers, moreWorkers }) => workers.length + moreWorkers),
    ],
    [
      'zproc_pool_workers_busy',
      'gauge',
      'Workers that have something in hand.',
      pool(({ workers }) => workers.filter(({ has }) => has).length),
    ],
    ['zproc_pool_items_waiting', 'gauge', 'Items and calls that wait for a worker.', waiting],
  ]
}

const gauge = (name: string, help: string, value: number): Family => [name, 'gauge', help, [[{}, value]]]

/** A family of samples. Those with the same labels are one: names that are cut short may be the same. */
function shown(...[name, kind, help, samples]: Family): string {
  const sums = new Map<string, number>()
  for (const [labels, value] of samples) {
    const key = labelsOf(labels)
    sums.set(key, (sums.get(key) ?? 0) + value)
  }
  const lines = Array.from(sums, ([labels, value]) => `${name}${labels} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`
}

function labelsOf(labels: Labels): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return all.length === 0 ? '' : `{${all.join(',')}}`
}

// Halves of characters, of names that were cut short, all become the same when the text is sent.
const escaped = (value: string): string =>
  value.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
