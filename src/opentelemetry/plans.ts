import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  trace as tracing,
} from '@opentelemetry/api'
import type {
  AtomicTrace,
  CommandTrace,
  CommitTrace,
  ConnectTrace,
  ItemTrace,
  ProcessTrace,
  TargetTrace,
  TraceContext,
} from '../tracing/messages.ts'
import { serverOf } from './attributes.ts'

/** The span of a message. */
export interface Plan<M> {
  name: string
  kind: SpanKind
  attributes: Attributes
  parent: Context
  /** What is known at the end. */
  late?: (message: M) => Attributes
}

const SYSTEM = 'zproc'

export const command = ({
  command,
  keys,
  function: fn,
  namespace,
  serverAddress,
}: CommandTrace): Plan<CommandTrace> => ({
  name: `${command} ${fn ?? namespace}`,
  kind: SpanKind.CLIENT,
  attributes: {
    ...database(command, namespace, fn),
    ...serverOf(serverAddress),
    ...(keys.length > 0 && { 'zproc.keys': [...keys] }),
  },
  parent: context.active(),
})

export const atomic = ({ function: fn, namespace, trace }: AtomicTrace): Plan<AtomicTrace> => ({
  name: `atomic ${fn}`,
  kind: trace ? SpanKind.SERVER : SpanKind.INTERNAL,
  attributes: database('atomic', namespace, fn),
  parent: parentOf(trace),
})

export const commit = ({ namespace, revision, method, keys }: CommitTrace): Plan<CommitTrace> | undefined =>
  within({
    name: `commit ${namespace}`,
    kind: SpanKind.INTERNAL,
    attributes: {
      ...database(method, namespace),
      'zproc.revision': revision,
      'zproc.keys': keys.map(key => key ?? '*'),
    },
  })

export const process = ({ name, namespace, backend, serverAddress }: ProcessTrace): Plan<ProcessTrace> => ({
  name,
  kind: SpanKind.CLIENT,
  attributes: {
    ...call(name, namespace),
    ...serverOf(serverAddress),
    'zproc.process.backend': backend,
  },
  parent: context.active(),
  late: ({ pid, attempt, exitCode }) => ({
    'zproc.process.attempts': attempt,
    ...(pid !== undefined && { 'process.pid': pid }),
    ...(exitCode !== null && { 'process.exit.code': exitCode }),
  }),
})

export const target = ({ name, namespace, attempt, parent, trace }: TargetTrace): Plan<TargetTrace> => ({
  name,
  kind: SpanKind.SERVER,
  attributes: {
    ...call(name, namespace),
    'process.parent_pid': parent.pid,
    'zproc.process.attempt': attempt,
  },
  parent: parentOf(trace),
})

export const item = ({ function: fn, unit, namespace, trace }: ItemTrace): Plan<ItemTrace> => ({
  name: `process ${fn}`,
  kind: SpanKind.CONSUMER,
  attributes: {
    'messaging.system': SYSTEM,
    'messaging.operation.type': 'process',
    'messaging.operation.name': unit === 'item' ? 'processMap' : 'run',
    'messaging.destination.name': fn,
    'zproc.namespace': namespace,
  },
  parent: parentOf(trace),
})

export const connect = ({ serverAddress, again }: ConnectTrace): Plan<ConnectTrace> | undefined => {
  const plan = {
    name: 'connect',
    kind: SpanKind.CLIENT,
    attributes: { 'db.system.name': SYSTEM, ...serverOf(serverAddress), 'zproc.connect.again': again },
  }
  return again ? { ...plan, parent: ROOT_CONTEXT } : within(plan)
}

/** A span that makes sense as a part of another one only: where none is active there is none. */
function within<M>(plan: Omit<Plan<M>, 'parent'>): Plan<M> | undefined {
  const parent = context.active()
  return tracing.getSpan(parent) && { ...plan, parent }
}

const database = (operation: string, namespace: string, fn?: string): Attributes => ({
  'db.system.name': SYSTEM,
  'db.operation.name': operation,
  'db.namespace': namespace,
  ...(fn !== undefined && { 'db.stored_procedure.name': fn }),
})

const call = (name: string, namespace: string): Attributes => ({
  'rpc.system.name': SYSTEM,
  'rpc.method': name,
  'zproc.namespace': namespace,
})

/** The context that was carried here; without one, what is active. */
function parentOf(carried: TraceContext | undefined): Context {
  if (!carried) return context.active()
  const [, traceId = '', spanId = '', flags = '0'] = carried.traceparent.split('-')
  return tracing.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(carried.tracestate !== undefined && { traceState: createTraceState(carried.tracestate) }),
  })
}
