export type { Logger } from './async/logger.ts'
export { atomic } from './client/atomic.ts'
export { describeServer } from './client/describe-server.ts'
export { diagnose } from './client/diagnose.ts'
export type {
  ChangeLoopOptions,
  ChangeOptions,
  ConnectedPingOptions,
  DescribeServerOptions,
  ForkOptions,
  HistoryOptions,
  LoopOptions,
  PingOptions,
  SetOptions,
  StateOptions,
  ViewOptions,
  WaitForServerOptions,
  WatchOptions,
} from './client/options.ts'
export { ping } from './client/ping.ts'
export { State } from './client/state.ts'
export type {
  AnyState,
  Draft,
  Frozen,
  Lease,
  Narrowed,
  RawUpdate,
  Snapshot,
} from './client/types.ts'
export type { StateView } from './client/view.ts'
export { waitForServer } from './client/wait-for-server.ts'
export { Context } from './context/context.ts'
export type { ContextEvent } from './context/events.ts'
export type {
  ChangeProcessOptions,
  ContextOptions,
  FactoryOptions,
  JoinOptions,
  WaitAllOptions,
  WatchProcessOptions,
} from './context/options.ts'
export {
  AtomicTimeoutError,
  AuthenticationError,
  ClosedError,
  ConnectionError,
  KeyError,
  MissedUpdatesError,
  ProcessExit,
  ProcessWaitError,
  RemoteException,
  ShippingError,
  SignalException,
  StorageError,
  TimeoutError,
  ValueTooLargeError,
  WorkerCrashError,
  ZprocError,
} from './errors.ts'
export { itemSignal } from './map/item-signal.ts'
export type { MapIter, MapOptions, Progress, TaskDetail } from './map/options.ts'
export type { MapResult, Settled } from './map/result.ts'
export { type CurrentProcess, currentProcess } from './process/current.ts'
export type { ErrorClass, ProcessOptions, StopOptions, WaitOptions } from './process/options.ts'
export { Process, type ProcessEvent } from './process/process.ts'
export { type BackoffOptions, backoff } from './process/retry.ts'
export { signalToException } from './process/signals.ts'
export type {
  EndDescription,
  FunctionDescription,
  ItemsDescription,
  LeftOut,
  LockDescription,
  MapDescription,
  NamespaceDescription,
  PoolDescription,
  ProcessDescription,
  ReaderDescription,
  ServerDescription,
  ServerProcess,
  SessionDescription,
  Vitals,
  WaitingDescription,
  WorkerDescription,
} from './protocol/description.ts'
export type { HungServer } from './protocol/hung.ts'
export type { ServerOptions } from './server/options.ts'
export { type Server, startServer } from './server/start.ts'
export type { ConnectionEvent } from './store/store.ts'
export type {
  AtomicTrace,
  CommandTrace,
  CommitTrace,
  ConnectTrace,
  ItemTrace,
  ProcessTrace,
  TargetTrace,
  TraceContext,
  TraceOutcome,
  TracingChannels,
} from './tracing/messages.ts'
