import { Context, type Snapshot, type State } from 'zproc'

interface Shop {
  cookies: number
  owner?: string
}

const ctx = new Context<Shop>()

// TS2769: a process whose target wants an argument, and gets none
ctx.process((_state: State<Shop>, _step: number) => {})

// TS2345: a process whose target wants an argument of another type
ctx.process((_state: State<Shop>, _step: number) => {}, { args: ['five'] })

// TS2769: a process that gets a State of another shape
ctx.process((_state: State<{ cakes: string }>) => {})

// TS2345: a target that is given no State, and wants one
ctx.process((_state: State<Shop>) => {}, { stateful: false })

// TS2769: a target that is given a State, and wants a Context
ctx.process((_ctx: Context<Shop>) => {})

// TS2345: kwargs of another type
ctx.process((_state: State<Shop>, _options: { loud: boolean }) => {}, { kwargs: { loud: 'very' } })

// TS2322: the result of another type
const text: string = await ctx.process(() => 5).wait()

// TS2365: a result that was not awaited
console.log(ctx.process(() => 5).wait() + 1)

// TS2769: a target that is not a function, nor the URL of a module
ctx.process('./target.js')

// TS2322: a backend that does not exist
ctx.process(() => 5, { backend: 'fiber' })

// TS2322: an error to retry for that is not a class
ctx.process(() => 5, { retryFor: [new Error('no')] })

// TS2322: a signal to retry for that does not exist
ctx.process(() => 5, { retryFor: ['SIGNOTHING'] })

// TS2561: an option that does not exist
ctx.process(() => 5, { statefull: false })

// TS2322: a count that is no number
ctx.processFactory(() => 5, { count: '4' })

// TS2345: a handler that wants a snapshot of another shape
ctx.callWhenChange('cookies')((_snapshot: Snapshot<{ cakes: string }>) => {})

// TS2345: a watched key that the state does not have
ctx.callWhenAvailable('cokies')(() => {})

// TS2345: a watched value that the key never has
ctx.callWhenEqual('cookies', 'none')(() => {})

// TS2540: a snapshot that a handler changes
ctx.callWhenChange()(snapshot => {
  snapshot.cookies = 1
})

// TS2561: an option that waitAll does not have
await ctx.waitAll({ safely: true })

// TS2540: another State put in place of its own
ctx.state = ctx.state.fork()

// TS2769: an address that is no text
new Context(5000)

// TS2769: a backend of the server that does not exist
new Context({ serverBackend: 'fork' })

// TS2769: items of another type than the target takes
ctx.processMap((text: string) => text.length, [1, 2])

// TS2769: an argument of a map's target that is of another type
ctx.processMap((x: number, by: number) => x * by, [1, 2], { args: ['two'] })

// TS2769: an argument of a map's target that is missing
ctx.processMap((x: number, by: number) => x * by, [1, 2])

// TS2769: an argument of a map's target for each item that is of another type
ctx.processMap((x: number, by: number) => x * by, [1, 2], { mapArgs: [['two'], ['three']] })

// TS2769: kwargs of a map's target that are of another type
ctx.processMap((x: number, { by }: { by: number }) => x * by, [1, 2], { kwargs: { by: 'two' } })

// TS2769: a target that wants a State of another shape
ctx.processMap((_state: State<{ cakes: string }>, x: number) => x, [1], { stateful: true })

// TS2769: a target that wants a State, and is given none
ctx.processMap((_state: State<Shop>, item: number) => item, [1, 2])

// TS2769: an argument of a call that the target does not take
ctx.run((x: number) => x, 'a')

// TS2345: too few arguments of a call
ctx.run((x: number, y: number) => x + y, 1)

// TS2345: nothing to map over
ctx.processMap((x: number) => x)

// TS2769: an option of a map that does not exist
ctx.processMap((x: number) => x, [1], { chunks: 5 })
