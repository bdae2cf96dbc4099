export { atomic } from './client/atomic.ts'
export { type PingOptions, ping } from './client/ping.ts'
export { State, type StateOptions } from './client/state.ts'
export type {
  AnyState,
  ChangeOptions,
  Draft,
  Frozen,
  Lease,
  RawUpdate,
  SetOptions,
  Snapshot,
  WatchOptions,
} from './client/types.ts'
export type { StateView } from './client/view.ts'
export { Context } from './context/context.ts'
export type { ContextEvent } from './context/events.ts'
export type { ContextOptions, FactoryOptions } from './context/types.ts'
export {
  AtomicTimeoutError,
  AuthenticationError,
  ConnectionError,
  KeyError,
  MissedUpdatesError,
  ProcessExit,
  ProcessWaitError,
  RemoteException,
  ShippingError,
  SignalException,
  TimeoutError,
  ValueTooLargeError,
  WorkerCrashError,
  ZprocError,
} from './errors.ts'
export type { MapIter, MapOptions, Progress, TaskDetail } from './map/options.ts'
export type { MapResult, Settled } from './map/result.ts'
export { itemSignal } from './map/signal.ts'
export { type CurrentProcess, currentProcess } from './process/current.ts'
export type { ErrorClass, ProcessOptions } from './process/options.ts'
export { Process, type ProcessEvent } from './process/process.ts'
export { backoff } from './process/retry.ts'
export { signalToException } from './process/signals.ts'
export type { HungServer, ServerOptions } from './server/options.ts'
export { type Server, startServer } from './server/start.ts'
export type { ConnectionEvent } from './store/store.ts'
