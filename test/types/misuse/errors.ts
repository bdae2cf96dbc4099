import {
  ConnectionError,
  KeyError,
  MissedUpdatesError,
  ProcessExit,
  ProcessWaitError,
  ZprocError,
} from 'zproc'

const failed = new ProcessWaitError('the process failed', 1)

// TS2540: the code of an error is stable
failed.code = 'ZPROC_KEY'

// TS2540: what an error knows stays as it is
failed.exitCode = 0

// TS2367: each class has its own code
if (failed.code === 'ZPROC_KEY') console.log('never')

// TS2322: an exit code may be unknown
const status: number = new ProcessWaitError('the process failed', 1).exitCode

// TS2532: the key of a KeyError may be unknown
console.log(new KeyError('no such key').key.length)

// TS2345: an exit status is a number
new ProcessExit('1')

// TS2322: an outcome is known, or not
new ConnectionError('it ended', { outcome: 'maybe' })

// TS2554: missed updates have a first and a last one
new MissedUpdatesError(3)

// TS2339: the base of all errors has no exit code
console.log(new ZprocError('any').exitCode)
