// Flags with a value of their own in the next argument, which a child must not get.
const withValue = new Set([
  '-e',
  '--eval',
  '-p',
  '--print',
  '-pe',
  '-ep',
  '--input-type',
  '--watch-path',
  '--test-name-pattern',
  '--test-skip-pattern',
  '--test-reporter',
  '--test-reporter-destination',
  '--test-concurrency',
  '--test-timeout',
  '--test-shard',
])
const dropped =
  /^(--eval|--print|--input-type|--test|--watch|--check|--interactive|--experimental-test|--debug-port|--inspect-port|--inspect-publish-uid)(-[a-z-]+)?(=|$)|^-(e|p|pe|ep|c|i)$/
const inspect = /^--inspect(?:-brk|-wait)?(?:=(.*))?$/

// Since Node 24 its test runner writes out every option that has a default. This one has an effect just by being there:
// SIGUSR2 writes a report instead of ending the child.
const OF_TEST_RUNNER = '--report-signal=SIGUSR2'

/**
 * The parent's node flags as a child can use them: loaders and limits stay, what concerns just the parent's
 * program goes, and an inspector gets a free port of its own, without waiting for a debugger.
 */
export function inheritedFlags(flags: readonly string[]): string[] {
  const kept: string[] = []
  const reports = flags.includes('--report-on-signal')
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] as string
    if (flag === OF_TEST_RUNNER && !reports) continue
    const inspected = inspect.exec(flag)
    if (inspected) kept.push(`--inspect=${inspectorHost(inspected[1])}0`)
    else if (!dropped.test(flag)) kept.push(flag)
    else if (withValue.has(flag)) i++
  }
  return kept
}

function inspectorHost(where: string | undefined): string {
  if (where === undefined || /^\d*$/.test(where)) return ''
  return `${where.replace(/:\d*$/, '')}:`
}

// Variables by which node tells a child what it is: of its test runner, of a cluster, of another channel.
const parentsOwn = new Set([
  'NODE_TEST_CONTEXT',
  'NODE_UNIQUE_ID',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
])

/** The environment for a child: without the marks that node put on this process, inspector ports freed as above. */
export function inheritedEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = {}
  for (const [name, value] of Object.entries(env)) if (!parentsOwn.has(name)) kept[name] = value
  if (kept.NODE_OPTIONS?.includes('--inspect'))
    kept.NODE_OPTIONS = kept.NODE_OPTIONS.replace(/--inspect(-brk|-wait)?(=\S*)?(?=\s|$)/g, '--inspect=0')
  return kept
}
