// A button is pressed: for a short time, or for a long one?
import { setTimeout as sleep } from 'node:timers/promises'
import { Context, type Snapshot, type State, TimeoutError } from 'zproc'

interface Device {
  button: boolean
  light: boolean
}

const ctx = new Context<Device>()
await ctx.state.set({ button: false, light: false })

// Buffered: no press is lost, not even one that came while another was being answered.
ctx.callWhenEqual(
  'button',
  true,
)(async function press(_: Snapshot<Device>, state: State<Device>) {
  await state.set('light', true)
  try {
    // Live: is it released by now? What it did before does not matter.
    await state.getWhenEqual('button', false, { live: true, timeout: 600 })
    console.log('it was a SHORT press')
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error
    console.log('it is a LONG press')
    await state.getWhenEqual('button', false, { live: true })
  }
  console.log('the button is released')
  await state.set('light', false)
})

for (const milliseconds of [20, 1200, 20]) {
  console.log(`pressing for ${milliseconds} ms`)
  await ctx.state.set('button', true)
  await ctx.state.getWhenEqual('light', true, { live: true })
  await sleep(milliseconds)
  await ctx.state.set('button', false)
  await ctx.state.getWhenEqual('light', false, { live: true })
}
