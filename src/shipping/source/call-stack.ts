/** The calls that are waiting to return, with their places in the code that runs, source maps left aside. */
export function callSites(): NodeJS.CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error
  try {
    // Under --frozen-intrinsics neither can be set, and there are no places.
    Reflect.set(Error, 'stackTraceLimit', Number.POSITIVE_INFINITY)
    if (!Reflect.set(Error, 'prepareStackTrace', (_: Error, sites: NodeJS.CallSite[]) => sites)) return []
    const sites: unknown = new Error('where').stack
    return Array.isArray(sites) ? sites : []
  } finally {
    Reflect.set(Error, 'prepareStackTrace', prepareStackTrace)
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}
