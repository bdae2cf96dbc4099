import { backoff, Context, describeServer, Process, ping, type Snapshot, State, startServer } from 'zproc'

interface Shop {
  cookies: number
  owner?: string
}

type Ready = Snapshot<Shop> & { owner: string }

const ctx = new Context<Shop>()
const process = ctx.process(() => 5)

// TS2561: an option that does not exist: new State
new State('ipc:///tmp/shop', { namespce: 'orders' })

// TS2561: an option that does not exist: state.fork
ctx.state.fork({ namespce: 'orders' })

// TS2561: an option that does not exist: state.fork to another type
ctx.state.fork<{ beta: boolean }>({ namespace: 'flags', secretkey: 'x' })

// TS2561: an option that does not exist: state.set
ctx.state.set('cookies', 1, { ephemral: true })

// TS2353: an option that does not exist: state.setDefault
ctx.state.setDefault('cookies', 1, { ephemeral: true, tll: 5 })

// TS2561: an option that does not exist: describeServer
describeServer('ipc:///tmp/shop', { limits: 5 })

// TS2561: an option that does not exist: state.ping
ctx.state.ping({ timout: 5 })

// TS2561: an option that does not exist: ctx.ping
ctx.ping({ timout: 5 })

// TS2561: an option that does not exist: ping
ping('ipc:///tmp/shop', { timout: 5 })

// TS2769: an option that does not exist: state.getWhenChange
ctx.state.getWhenChange('cookies', { live: true, timout: 5 })

// TS2769: an option that does not exist: state.getWhen
ctx.state.getWhen(state => state.cookies > 3, { live: true, timout: 5 })

// TS2769: an option that does not exist: state.getWhen with a type guard
ctx.state.getWhen((state): state is Ready => state.owner !== undefined, { live: true, timout: 5 })

// TS2561: an option that does not exist: state.getWhenEqual
ctx.state.getWhenEqual('cookies', 3, { live: true, timout: 5 })

// TS2561: an option that does not exist: state.getWhenNotEqual
ctx.state.getWhenNotEqual('cookies', 3, { live: true, timout: 5 })

// TS2561: an option that does not exist: state.getWhenNone
ctx.state.getWhenNone('owner', { live: true, timout: 5 })

// TS2561: an option that does not exist: state.getWhenNotNone
ctx.state.getWhenNotNone('owner', { live: true, timout: 5 })

// TS2561: an option that does not exist: state.getWhenAvailable
ctx.state.getWhenAvailable('owner', { live: true, timout: 5 })

// TS2769: an option that does not exist: state.whenChange
ctx.state.whenChange('cookies', { live: true, timout: 5 })

// TS2769: an option that does not exist: state.when
ctx.state.when(state => state.cookies > 3, { live: true, timout: 5 })

// TS2769: an option that does not exist: state.when with a type guard
ctx.state.when((state): state is Ready => state.owner !== undefined, { live: true, timout: 5 })

// TS2561: an option that does not exist: state.whenEqual
ctx.state.whenEqual('cookies', 3, { live: true, timout: 5 })

// TS2561: an option that does not exist: state.whenNotEqual
ctx.state.whenNotEqual('cookies', 3, { live: true, timout: 5 })

// TS2561: an option that does not exist: state.whenNone
ctx.state.whenNone('owner', { live: true, timout: 5 })

// TS2561: an option that does not exist: state.whenNotNone
ctx.state.whenNotNone('owner', { live: true, timout: 5 })

// TS2561: an option that does not exist: state.whenAvailable
ctx.state.whenAvailable('owner', { live: true, timout: 5 })

// TS2561: an option that does not exist: state.getRawUpdate
ctx.state.getRawUpdate({ live: true, timout: 5 })

// TS2561: an option that does not exist: state.rawUpdates
ctx.state.rawUpdates({ live: true, timout: 5 })

// TS2561: an option that does not exist: ctx.process
ctx.process(async state => state.set('cookies', 1), { name: 'baker', retryfor: [Error] })

// TS2561: an option that does not exist: ctx.process with arguments
ctx.process((_state: State<Shop>, _n: number) => {}, { args: [1], retryfor: [Error] })

// TS2561: an option that does not exist: ctx.process of a module
ctx.process(new URL('file:///target.js'), { name: 'baker', retryfor: [Error] })

// TS2769: an option that does not exist: ctx.process with options alone
ctx.process({ name: 'baker', retryfor: [Error] })

// TS2353: an option that does not exist: ctx.processFactory
ctx.processFactory(async state => state.set('cookies', 1), { count: 2, naem: 'baker' })

// TS2769: an option that does not exist: ctx.processMap
ctx.processMap((x: number) => x, [1], { settle: true, chunksize: 5 })

// TS2769: an option that does not exist: ctx.processMap with a State
ctx.processMap((_state: State<Shop>, x: number) => x, [1], { stateful: true, chunksize: 5 })

// TS2769: an option that does not exist: ctx.processMap without items
ctx.processMap((x: number) => x, null, { mapArgs: [[1]], chunksize: 5 })

// TS2769: an option that does not exist: ctx.processMap of a module
ctx.processMap(new URL('file:///target.js'), [1], { settle: true, chunksize: 5 })

// TS2769: an option that does not exist: ctx.processMap that gives a task
ctx.processMap((x: number) => x, [1], { returnTask: true, chunksize: 5 })

// TS2769: an option that does not exist: ctx.callWhenChange
ctx.callWhenChange('cookies', { name: 'baker', timout: 5 })

// TS2769: an option that does not exist: ctx.callWhen
ctx.callWhen(state => state.cookies > 3, { name: 'baker', timout: 5 })

// TS2561: an option that does not exist: ctx.callWhenEqual
ctx.callWhenEqual('cookies', 3, { name: 'baker', timout: 5 })

// TS2561: an option that does not exist: ctx.callWhenNotEqual
ctx.callWhenNotEqual('cookies', 3, { name: 'baker', timout: 5 })

// TS2561: an option that does not exist: ctx.callWhenNone
ctx.callWhenNone('owner', { name: 'baker', timout: 5 })

// TS2561: an option that does not exist: ctx.callWhenNotNone
ctx.callWhenNotNone('owner', { name: 'baker', timout: 5 })

// TS2561: an option that does not exist: ctx.callWhenAvailable
ctx.callWhenAvailable('owner', { name: 'baker', timout: 5 })

// TS2561: an option that does not exist: new Process
new Process(() => 5, 'ipc:///tmp/shop', { name: 'baker', retryfor: [Error] })

// TS2561: an option that does not exist: process.wait
process.wait({ timout: 5 })

// TS2561: an option that does not exist: process.stop
process.stop({ killafter: 5 })

// TS2561: an option that does not exist: ctx.waitAll
ctx.waitAll({ safe: true, timout: 5 })

// TS2561: an option that does not exist: ctx.stopAll
ctx.stopAll({ killafter: 5 })

// TS2561: an option that does not exist: backoff
backoff({ base: 5, faktor: 2 })

// TS2561: an option that does not exist: startServer
startServer(null, { backend: 'inline', histroyLimit: 5 })

// TS2769: an option that does not exist: new Context
new Context({ wait: true, port: 5000 })

// TS2561: an option that does not exist: new Context at an address
new Context('ipc:///tmp/shop', { wait: true, retryfor: [Error] })

// TS2769: an option that does not exist: new Context, of its server
new Context({ server: { histroyLimit: 5 } })
