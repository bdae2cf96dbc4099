// What goes wrong in another process arrives here as the error that it was there.
import { atomic, Context, ProcessExit, ProcessWaitError, RemoteException } from 'zproc'

class OutOfFlour extends Error {
  missing: number
  constructor(missing: number) {
    super(`${missing} g of flour are missing`)
    this.name = 'OutOfFlour'
    this.missing = missing
  }
}

const ctx = new Context<{ flour: number }>()
await ctx.state.set('flour', 100)

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error('nothing went wrong'),
    (error: Error) => error,
  )
}

// Thrown: the process has failed. Why is the cause.
const thrown = await failure(
  ctx
    .process(function knead() {
      throw new OutOfFlour(150)
    })
    .wait(),
)
if (thrown instanceof ProcessWaitError) {
  const cause = thrown.cause as OutOfFlour
  console.log(`thrown:   ${thrown.name}, exit code ${thrown.exitCode}`)
  console.log(`  caused by ${cause.name}: ${cause.message} (missing: ${cause.missing})`)
  console.log(`  thrown in ${/07-remote-exceptions\.ts/.exec(cause.stack ?? '')}, as its stack says`)
}

// Returned: wait() rejects with that very error, and the process has not failed.
const returned = await failure(
  ctx.process(() => new RemoteException(new RangeError('the oven is too hot'))).wait(),
)
console.log(`returned: ${returned.name}: ${returned.message}`)

// An exit code of one's own, wherever in the target.
const quitter = ctx.process(() => {
  throw new ProcessExit(7)
})
await failure(quitter.wait())
console.log(`exited:   exit code ${quitter.exitCode}`)

// Thrown in an atomic function, at the server: the same again, and nothing has changed.
const take = atomic((pantry: { flour: number }, grams: number) => {
  pantry.flour -= grams
  if (pantry.flour < 0) throw new OutOfFlour(-pantry.flour)
})
const refused = (await failure(take(ctx.state, 150))) as OutOfFlour
console.log(`atomic:   ${refused.name}: ${refused.message} (missing: ${refused.missing})`)
console.log(`  there are still ${await ctx.state.get('flour')} g`)
