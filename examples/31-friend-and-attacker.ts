// Who knows the secret key gets in. Who only knows the address gets nothing, and is told so at once.
import { AuthenticationError, Context, State } from 'zproc'

const home = new Context<{ gold: number }>({ secretKey: 'muchsecret' })
await home.state.set('gold', 5)

const friend = new State<{ gold: number }>(home.serverAddress, { secretKey: 'muchsecret' })
console.log(`a friend reads: ${await friend.get('gold')} gold`)

for (const [who, secretKey] of [
  ['an attacker without a key', undefined],
  ['an attacker who guesses', 'letmein'],
] as const) {
  const attacker = new State<{ gold: number }>(home.serverAddress, { secretKey })
  try {
    await attacker.set('gold', 0)
    console.log(`${who} got in`)
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error
    console.log(`${who}: ${error.message.split(': ').at(-1)}`)
  }
  await attacker.close()
}

console.log(`at home there is still ${await home.state.get('gold')} gold`)
await friend.close()
await home.close()
