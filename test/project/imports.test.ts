import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { findCycle, type Import, importsOfSource, readExplanation } from './imports.ts'

/** What a room may import besides itself. A room that is not listed here is no room. */
const rooms: Record<string, readonly string[]> = {
  errors: [],
  async: ['errors'],
  tracing: ['errors', 'async'],
  protocol: ['errors', 'async'],
  lifeline: ['errors', 'async'],
  transport: ['errors', 'async', 'protocol'],
  store: ['errors', 'async', 'tracing', 'protocol'],
  shipping: ['errors', 'async', 'protocol'],
  storage: ['errors', 'async', 'protocol', 'lifeline', 'store'],
  engines: ['errors', 'async', 'tracing', 'protocol', 'transport', 'store', 'shipping'],
  server: ['errors', 'async', 'tracing', 'protocol', 'transport', 'store', 'shipping', 'lifeline', 'storage'],
  client: ['errors', 'async', 'tracing', 'protocol', 'transport', 'store', 'shipping', 'engines', 'lifeline'],
  process: [
    'errors',
    'async',
    'tracing',
    'protocol',
    'transport',
    'store',
    'shipping',
    'lifeline',
    'server',
    'client',
    'engines',
  ],
}
rooms.map = [...rooms.process!, 'process']
rooms.context = [...rooms.map, 'map']
rooms.index = [...rooms.context, 'context']
rooms.inspect = ['errors', 'async', 'protocol', 'store', 'engines', 'client']
rooms.opentelemetry = ['async', 'tracing']
rooms.cli = [...rooms.index, 'index', 'storage', 'inspect']

/** The rooms of shipping, likewise. Other rooms import only what lies beside them: `shipping/ship.ts` and the like. */
const roomsOfShipping: Record<string, readonly string[]> = {
  source: [],
  modules: ['source'],
  capture: ['source', 'modules'],
  reviving: ['modules'],
  guard: ['source'],
}
const FORMAT = ['shipment', 'wrappers']

const redisClients = /^(redis|ioredis|iovalkey|bullmq|@redis\/.*)$/
const imports = importsOfSource()

test('imports point one way, from room to room', () => {
  assert.ok(imports.length > 0, 'no import was found: has the form of --explainFiles changed?')
  const wrong = imports.filter(it => it.to.startsWith('src/')).filter(it => !isAllowed(it))
  assert.deepEqual(wrong.map(describe), [])
})

test('inside shipping, too, and other rooms enter it by its doors', () => {
  const entering = imports.filter(it => roomOf(it.to) === 'shipping')
  const inner = entering.filter(it => roomOf(it.from) === 'shipping')
  assert.ok(inner.some(it => innerRoomOf(it.to) === 'capture'))
  const wrong = inner.filter(it => {
    const [own, other] = [innerRoomOf(it.from), innerRoomOf(it.to)]
    return (
      own !== undefined &&
      own !== other &&
      !(roomsOfShipping[own] ?? []).includes(other ?? '') &&
      !isFormat(it.to)
    )
  })
  const around = entering.filter(it => roomOf(it.from) !== 'shipping' && innerRoomOf(it.to) !== undefined)
  assert.deepEqual([...wrong, ...around].map(describe), [])
})

test('no import closes a cycle, type imports included', () => {
  const cycle = findCycle(imports.filter(it => it.to.startsWith('src/')))
  assert.equal(cycle?.join(' → '), undefined)
})

test('only engines/redis imports a Redis client', () => {
  const wrong = imports.filter(
    it => redisClients.test(packageOf(it.specifier)) && !it.from.startsWith('src/engines/redis/'),
  )
  assert.deepEqual(wrong.map(describe), [])
})

test('the source imports no package but those it names, which its users have or the build takes in', () => {
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const had = new Set(Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies }))
  const wrong = imports
    .filter(it => it.to.includes('node_modules/') && !it.to.includes('node_modules/@types/node/'))
    .filter(it => !had.has(packageOf(it.specifier)))
  assert.deepEqual(wrong.map(describe), [])
})

test('a wrong direction, an unknown room and a cycle are found', () => {
  const explained = [
    'src/errors.ts',
    "   Imported via './errors.ts' from file 'src/client/state.ts'",
    'src/client/state.ts',
    '   Imported via "../client/state.ts" from file \'src/server/main.ts\'',
    "   Imported via './client/state.ts' from file 'src/errors.ts'",
    "   Imported via '../client/state.ts' from file 'src/utils/all.ts'",
  ].join('\n')
  const found = readExplanation(explained)
  assert.deepEqual(found.filter(it => !isAllowed(it)).map(describe), [
    "src/server/main.ts imports '../client/state.ts'",
    "src/errors.ts imports './client/state.ts'",
    "src/utils/all.ts imports '../client/state.ts'",
  ])
  assert.deepEqual(findCycle(found), ['src/client/state.ts', 'src/errors.ts', 'src/client/state.ts'])
})

function isAllowed({ from, to }: Import): boolean {
  const [own, other] = [roomOf(from), roomOf(to)]
  return own in rooms && (own === other || rooms[own]!.includes(other))
}

/** `src/errors.ts` → errors, `src/store/log.ts` → store. */
function roomOf(file: string): string {
  return file.split('/')[1]!.replace(/\.ts$/, '')
}

/** `src/shipping/source/script.ts` → source, `src/shipping/ship.ts` → undefined. */
function innerRoomOf(file: string): string | undefined {
  const parts = file.split('/')
  return parts.length > 3 ? parts[2] : undefined
}

const isFormat = (file: string): boolean => FORMAT.some(name => file === `src/shipping/${name}.ts`)

/** `msgpackr/pack` → msgpackr, `@redis/client/x` → @redis/client. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function describe({ from, specifier }: Import): string {
  return `${from} imports '${specifier}'`
}
