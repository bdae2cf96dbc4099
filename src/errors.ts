/** The base of every error that zproc raises. `code` is stable across versions: match on it. */
export class ZprocError extends Error {
  readonly code: string = 'ZPROC_ERROR'
  static {
    ZprocError.prototype.name = 'ZprocError'
  }
}

/** Something did not happen within the time given for it (milliseconds). */
export class TimeoutError extends ZprocError {
  override readonly code = 'ZPROC_TIMEOUT'
  static {
    TimeoutError.prototype.name = 'TimeoutError'
  }
}

/** `pop` of a key that is not there, or `popItem` of an empty state. */
export class KeyError extends ZprocError {
  override readonly code = 'ZPROC_KEY'
  readonly key: string | undefined
  constructor(message: string, options?: ErrorOptions & { key?: string }) {
    super(message, options)
    this.key = options?.key
  }
  static {
    KeyError.prototype.name = 'KeyError'
  }
}

/** Nobody answers at the address, or the connection ended. `outcome: 'unknown'`: the call may have taken effect. */
export class ConnectionError extends ZprocError {
  override readonly code = 'ZPROC_CONNECTION'
  readonly outcome: 'none' | 'unknown'
  constructor(message: string, options?: ErrorOptions & { outcome?: 'none' | 'unknown' }) {
    super(message, options)
    this.outcome = options?.outcome ?? 'none'
  }
  static {
    ConnectionError.prototype.name = 'ConnectionError'
  }
}

/** The two ends do not hold the same secret key. */
export class AuthenticationError extends ZprocError {
  override readonly code = 'ZPROC_AUTHENTICATION'
  static {
    AuthenticationError.prototype.name = 'AuthenticationError'
  }
}

/** A process failed. `cause` is the error as it was thrown there, its stack included. */
export class ProcessWaitError extends ZprocError {
  override readonly code = 'ZPROC_PROCESS_WAIT'
  /** The exit code; -15 stands for "ended by signal 15". */
  readonly exitCode: number | null
  /** The process that failed. Not enumerable: printing the error does not print the process. */
  declare readonly process: unknown
  /** What each attempt failed with, the last one's included; undefined where an attempt left no error. */
  readonly causes: readonly unknown[]
  constructor(
    message: string,
    exitCode: number | null,
    process?: unknown,
    options?: ErrorOptions & { causes?: readonly unknown[] },
  ) {
    super(message, options)
    this.exitCode = exitCode
    this.causes = options?.causes ?? [options?.cause]
    Object.defineProperty(this, 'process', { value: process, enumerable: false })
  }
  static {
    ProcessWaitError.prototype.name = 'ProcessWaitError'
  }
}

/** Returned by a target, it makes `wait()` reject with the error it holds. */
export class RemoteException extends ZprocError {
  override readonly code = 'ZPROC_REMOTE_EXCEPTION'
  constructor(error: unknown) {
    super(messageOf(error), { cause: error })
  }
  static {
    RemoteException.prototype.name = 'RemoteException'
  }
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'an object that cannot become a string'
  }
}

/** A signal, as an exception: see `signalToException`. */
export class SignalException extends ZprocError {
  override readonly code = 'ZPROC_SIGNAL'
  readonly signal: NodeJS.Signals
  constructor(signal: NodeJS.Signals) {
    super(`received ${signal}`)
    this.signal = signal
  }
  static {
    SignalException.prototype.name = 'SignalException'
  }
}

/** Thrown by a target, it ends its process at once with `status`: a whole number from 0 to 255. */
export class ProcessExit extends ZprocError {
  override readonly code = 'ZPROC_PROCESS_EXIT'
  readonly status: number
  constructor(status = 0) {
    if (typeof status !== 'number')
      throw new TypeError(`new ProcessExit: the status must be a number, got one of type ${typeof status}`)
    if (!Number.isInteger(status) || status < 0 || status > 255)
      throw new RangeError(`new ProcessExit: the status must be a whole number from 0 to 255, got ${status}`)
    super(`the process asked to end with status ${status}`)
    this.status = status
  }
  static {
    ProcessExit.prototype.name = 'ProcessExit'
  }
}

/** A function cannot be sent to another process; the message says which part of it, and what to do instead. */
export class ShippingError extends ZprocError {
  override readonly code = 'ZPROC_SHIPPING'
  static {
    ShippingError.prototype.name = 'ShippingError'
  }
}

/** An atomic function ran, or held its namespace, for longer than the server's `atomicTimeout`. */
export class AtomicTimeoutError extends ZprocError {
  override readonly code = 'ZPROC_ATOMIC_TIMEOUT'
  static {
    AtomicTimeoutError.prototype.name = 'AtomicTimeoutError'
  }
}

/** Updates `from`…`to` (revisions, both included) are no longer kept by the server. */
export class MissedUpdatesError extends ZprocError {
  override readonly code = 'ZPROC_MISSED_UPDATES'
  readonly from: number
  readonly to: number
  constructor(from: number, to: number, message = missed(from, to), options?: ErrorOptions) {
    super(message, options)
    this.from = from
    this.to = to
  }
  static {
    MissedUpdatesError.prototype.name = 'MissedUpdatesError'
  }
}

const missed = (from: number, to: number): string =>
  `updates ${from} to ${to} are no longer kept: this State fell behind by more than is kept (historyLimit, historyBytes); ` +
  'it goes on from the oldest kept one'

/** The State, view or Context was closed by the program itself: what waits then, and every call that comes later, gets this. */
export class ClosedError extends ZprocError {
  override readonly code = 'ZPROC_CLOSED'
  static {
    ClosedError.prototype.name = 'ClosedError'
  }
}

/** A value is larger than the server's `maxMessageBytes`. */
export class ValueTooLargeError extends ZprocError {
  override readonly code = 'ZPROC_VALUE_TOO_LARGE'
  static {
    ValueTooLargeError.prototype.name = 'ValueTooLargeError'
  }
}

/** A log on disk cannot be read, or cannot be written at present; the message names the folder and the cause. */
export class StorageError extends ZprocError {
  override readonly code = 'ZPROC_STORAGE'
  static {
    StorageError.prototype.name = 'StorageError'
  }
}

/** Workers died over the same items, more often than `maxRetries` allows. The message says how the last one ended. */
export class WorkerCrashError extends ZprocError {
  override readonly code = 'ZPROC_WORKER_CRASH'
  /** The indices of the items that were lost with the worker. */
  readonly indices: readonly number[]
  /** The exit code of the last worker; null: it was ended by a signal. */
  readonly exitCode: number | null
  /** The signal that ended the last worker. */
  readonly signal: NodeJS.Signals | null
  /** The last lines that the last worker wrote to stderr. */
  readonly stderr: string
  constructor(
    message: string,
    indices: readonly number[],
    options?: ErrorOptions & {
      exitCode?: number | null
      signal?: NodeJS.Signals | null
      stderr?: string
    },
  ) {
    super(message, options)
    this.indices = indices
    this.exitCode = options?.exitCode ?? null
    this.signal = options?.signal ?? null
    this.stderr = options?.stderr ?? ''
  }
  static {
    WorkerCrashError.prototype.name = 'WorkerCrashError'
  }
}

/** All of them, by their names. Listed, since a namespace would cost each child one more file to load. */
export const ownErrors = {
  ZprocError,
  TimeoutError,
  KeyError,
  ConnectionError,
  AuthenticationError,
  ProcessWaitError,
  RemoteException,
  SignalException,
  StorageError,
  ProcessExit,
  ShippingError,
  AtomicTimeoutError,
  MissedUpdatesError,
  ValueTooLargeError,
  WorkerCrashError,
  ClosedError,
}
