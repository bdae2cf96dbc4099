// A process of plain JavaScript, with the package as it is built, that uses ten keys of a large state: how long its first call there
// takes, and its memory afterwards. The function was made ready before: that takes as long for any state.
import { atomic, State } from '../../dist/index.js'

const addTo = atomic((state, key) => {
  state[key] = (state[key] ?? 0) + 1
})
const few = new State(process.argv[2], { namespace: 'few keys' })
await addTo(few, 'k0')
const many = new State(process.argv[2], { namespace: 'a million' })
await many.size()
const began = performance.now()
await addTo(many, 'k0')
const first = performance.now() - began
for (let i = 0; i < 1000; i++) await addTo(many, `k${i % 10}`)
process.send([first, process.memoryUsage().rss / 2 ** 20])
process.on('disconnect', () => process.exit())
