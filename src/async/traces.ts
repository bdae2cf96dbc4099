// Under --frozen-intrinsics Error cannot be changed: traces have the length that they have.
const isSettable = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable === true

/** Sets how many calls the traces of new errors have: `Error.stackTraceLimit`, where that can be set. */
export function limitTraces(calls: number): void {
  if (isSettable) Error.stackTraceLimit = calls
}
