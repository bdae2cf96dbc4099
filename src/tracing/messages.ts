/** Where work comes from, as W3C Trace Context writes it. */
export interface TraceContext {
  /** `00-<trace id>-<parent id>-<flags>`, in hexadecimal digits. */
  traceparent: string
  /** What the vendors of tracing systems add. */
  tracestate?: string
}

/** How each message says that the work is over. Values and results of calls are in no message. */
export interface TraceOutcome {
  /** What was thrown; there if the work failed. */
  error?: unknown
  /** There, and undefined, if the work succeeded. */
  result?: undefined
}

/** `zproc:command`: one call of a method of a State, or of an atomic function, in the process that makes it. */
export interface CommandTrace extends TraceOutcome {
  /** The method: `'get'`, `'set'`, `'getWhenEqual'`; `'atomic'` for an atomic function. */
  command: string
  /** The keys that the call names. */
  keys: readonly string[]
  /** The name of the atomic function; undefined for methods. */
  function: string | undefined
  /** The namespace of the State. */
  namespace: string
  /** The address of the server, without a password. */
  serverAddress: string
}

/** `zproc:commit`: one commit of a log, at the server. */
export interface CommitTrace extends TraceOutcome {
  /** The namespace that it changes. */
  namespace: string
  /** Its revision. */
  revision: number
  /** What made it: `'set'`, `'atomic'`, `'expire'`, … */
  method: string
  /** The keys that it puts or deletes; null stands for all keys. */
  keys: readonly (string | null)[]
  /** The pid of the client. */
  pid: number
  /** The name of the client's process. */
  name: string
}

/** `zproc:atomic`: an atomic function that runs, where it runs: a plain one at the server, an async one in the caller. */
export interface AtomicTrace extends TraceOutcome {
  /** The name of the function. */
  function: string
  /** The namespace that it changes. */
  namespace: string
  /** Where the call comes from, at the server; undefined if that is not known or in the same process. */
  trace: TraceContext | undefined
}

/** `zproc:process`: a process of a Context, or a `Process`, from its start to its end, in the program that started it. */
export interface ProcessTrace extends TraceOutcome {
  /** The name of the process. */
  name: string
  /** The namespace of the State that its target gets. */
  namespace: string
  /** The address of the server, without a password. */
  serverAddress: string
  /** `'process'` or `'thread'`. */
  backend: 'process' | 'thread'
  /** The pid of the newest attempt; undefined before the first one. */
  pid: number | undefined
  /** The number of attempts so far. */
  attempt: number
  /** The exit code at the end; null before. */
  exitCode: number | null
}

/** `zproc:target`: the target of a process that runs, in the child: one message for each attempt. */
export interface TargetTrace extends TraceOutcome {
  /** The name of the process. */
  name: string
  /** The number of the attempt. */
  attempt: number
  /** The namespace of the State that the target gets. */
  namespace: string
  /** The program that started the process. */
  parent: { name: string; pid: number }
  /** Where the process was started; undefined if that is not known. */
  trace: TraceContext | undefined
}

/** `zproc:item`: one item of a map, or one call by `ctx.run`, in the worker. */
export interface ItemTrace extends TraceOutcome {
  /** The name of the target. */
  function: string
  /** Whether it is an item of a map or a call by `ctx.run`. */
  unit: 'item' | 'call'
  /** The namespace of the pool's State. */
  namespace: string
  /** Where the map or the call was begun; undefined if that is not known. */
  trace: TraceContext | undefined
}

/** `zproc:connect`: the making of a connection to a server, all tries together, in the client. */
export interface ConnectTrace extends TraceOutcome {
  /** The address of the server, without a password. */
  serverAddress: string
  /** Whether there was a connection before that was lost. */
  again: boolean
  /** Whether the session of that went on; undefined until it is connected. */
  resumed: boolean | undefined
}

/** The tracing channels by their names, as `tracingChannel` of `node:diagnostics_channel` takes them, with their messages. */
export interface TracingChannels {
  /** One call of a State. */
  'zproc:command': CommandTrace
  /** One commit of a log. */
  'zproc:commit': CommitTrace
  /** An atomic function that runs. */
  'zproc:atomic': AtomicTrace
  /** A process, in the program that started it. */
  'zproc:process': ProcessTrace
  /** The target of a process, in the child. */
  'zproc:target': TargetTrace
  /** One item of a map, or one call by `ctx.run`. */
  'zproc:item': ItemTrace
  /** The making of a connection. */
  'zproc:connect': ConnectTrace
}
