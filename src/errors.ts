/**
 * The base of every error that zproc raises. Each has a section in docs/errors.md.
 *
 *     if (error instanceof ZprocError && error.code === 'ZPROC_TIMEOUT') retry()
 */
export class ZprocError extends Error {
  /** Names the kind of error, `'ZPROC_ERROR'` where there is no narrower one; it stays the same across versions. */
  readonly code: string = 'ZPROC_ERROR'
  static {
    ZprocError.prototype.name = 'ZprocError'
  }
}

/** A wait took longer than its `timeout`. */
export class TimeoutError extends ZprocError {
  /** Always `'ZPROC_TIMEOUT'`. */
  override readonly code = 'ZPROC_TIMEOUT'
  static {
    TimeoutError.prototype.name = 'TimeoutError'
  }
}

/** `pop` of a key that is missing, or `popItem` of an empty state. */
export class KeyError extends ZprocError {
  /** Always `'ZPROC_KEY'`. */
  override readonly code = 'ZPROC_KEY'
  /** The key that is missing; undefined for `popItem`. */
  readonly key: string | undefined
  /** `options.key`: the key that is missing. */
  constructor(message: string, options?: ErrorOptions & { key?: string }) {
    super(message, options)
    this.key = options?.key
  }
  static {
    KeyError.prototype.name = 'KeyError'
  }
}

/** No server answers at the address, the connection ended for good, or a server cannot listen. */
export class ConnectionError extends ZprocError {
  /** Always `'ZPROC_CONNECTION'`. */
  override readonly code = 'ZPROC_CONNECTION'
  /** What became of the call: `'none'`: it had no effect; `'unknown'`: it was sent, and may have taken effect. */
  readonly outcome: 'none' | 'unknown'
  /** `options.outcome`: default `'none'`. */
  constructor(message: string, options?: ErrorOptions & { outcome?: 'none' | 'unknown' }) {
    super(message, options)
    this.outcome = options?.outcome ?? 'none'
  }
  static {
    ConnectionError.prototype.name = 'ConnectionError'
  }
}

/** Client and server do not have the same secret key. */
export class AuthenticationError extends ZprocError {
  /** Always `'ZPROC_AUTHENTICATION'`. */
  override readonly code = 'ZPROC_AUTHENTICATION'
  static {
    AuthenticationError.prototype.name = 'AuthenticationError'
  }
}

/** A process failed. `cause` is the error as it was thrown there, its stack included. */
export class ProcessWaitError extends ZprocError {
  /** Always `'ZPROC_PROCESS_WAIT'`. */
  override readonly code = 'ZPROC_PROCESS_WAIT'
  /** The exit code; -15 stands for "ended by signal 15". */
  readonly exitCode: number | null
  /** The process that failed. Not enumerable: printing the error does not print the process. */
  declare readonly process: unknown
  /** What each attempt failed with, the last one's included; undefined where an attempt left no error. */
  readonly causes: readonly unknown[]
  /** `options.causes`: what each attempt failed with; default the cause alone. */
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

/**
 * Returned by a target, it makes `wait()` reject with the error that it holds; the process ends with status 0.
 *
 *     ctx.process(() => new RemoteException(new RangeError('too hot')))
 */
export class RemoteException extends ZprocError {
  /** Always `'ZPROC_REMOTE_EXCEPTION'`. */
  override readonly code = 'ZPROC_REMOTE_EXCEPTION'
  /** `error`: what `wait()` rejects with. */
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

/** A signal that `signalToException` was called for. */
export class SignalException extends ZprocError {
  /** Always `'ZPROC_SIGNAL'`. */
  override readonly code = 'ZPROC_SIGNAL'
  /** The name of the signal. */
  readonly signal: NodeJS.Signals
  /** `signal`: its name, such as `'SIGTERM'`. */
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
  /** Always `'ZPROC_PROCESS_EXIT'`. */
  override readonly code = 'ZPROC_PROCESS_EXIT'
  /** The exit status: a whole number from 0 to 255. */
  readonly status: number
  /** `status`: default 0. Throws TypeError or RangeError for another value. */
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
  /** Always `'ZPROC_SHIPPING'`. */
  override readonly code = 'ZPROC_SHIPPING'
  static {
    ShippingError.prototype.name = 'ShippingError'
  }
}

/** An atomic function ran, or held its namespace, for longer than the server's `atomicTimeout`. */
export class AtomicTimeoutError extends ZprocError {
  /** Always `'ZPROC_ATOMIC_TIMEOUT'`. */
  override readonly code = 'ZPROC_ATOMIC_TIMEOUT'
  static {
    AtomicTimeoutError.prototype.name = 'AtomicTimeoutError'
  }
}

/** Updates `from`…`to` (revisions, both included) are no longer kept by the server. */
export class MissedUpdatesError extends ZprocError {
  /** Always `'ZPROC_MISSED_UPDATES'`. */
  override readonly code = 'ZPROC_MISSED_UPDATES'
  /** The revision of the first update that was missed. */
  readonly from: number
  /** The revision of the last update that was missed. */
  readonly to: number
  /** `from`, `to`: revisions, both included. */
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

/** The program closed the State, view or Context that it calls or waits with. */
export class ClosedError extends ZprocError {
  /** Always `'ZPROC_CLOSED'`. */
  override readonly code = 'ZPROC_CLOSED'
  static {
    ClosedError.prototype.name = 'ClosedError'
  }
}

/** A value is larger than the server's `maxMessageBytes`. */
export class ValueTooLargeError extends ZprocError {
  /** Always `'ZPROC_VALUE_TOO_LARGE'`. */
  override readonly code = 'ZPROC_VALUE_TOO_LARGE'
  static {
    ValueTooLargeError.prototype.name = 'ValueTooLargeError'
  }
}

/** A log on disk cannot be read, or cannot be written at present; the message names the folder and the cause. */
export class StorageError extends ZprocError {
  /** Always `'ZPROC_STORAGE'`. */
  override readonly code = 'ZPROC_STORAGE'
  static {
    StorageError.prototype.name = 'StorageError'
  }
}

/** Workers died over the same items of a map, more often than `maxRetries` allows. */
export class WorkerCrashError extends ZprocError {
  /** Always `'ZPROC_WORKER_CRASH'`. */
  override readonly code = 'ZPROC_WORKER_CRASH'
  /** The indices of the items that were lost with the worker. */
  readonly indices: readonly number[]
  /** The exit code of the last worker; null: it was ended by a signal. */
  readonly exitCode: number | null
  /** The signal that ended the last worker. */
  readonly signal: NodeJS.Signals | null
  /** The last lines that the last worker wrote to stderr. */
  readonly stderr: string
  /** `options`: how the last worker ended. */
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
