// 100,000 keys and 1,000 commits a second: what the page does for them, by what the browser measures of itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyState, Context } from 'zproc'
import { blankPage, noChromium } from '../kit/chromium.ts'
import { inspected } from './kit.ts'

const KEYS = 100_000
const RATE = 1000
const SECONDS = 4

/** Runs in a process of its own: so many commits a second, until it is stopped. */
async function write(state: { set(key: string, value: unknown): Promise<void> }, keys: number, rate: number) {
  const begun = Date.now()
  for (let done = 0; ; ) {
    const due = ((Date.now() - begun) / 1000) * rate
    const writes: Promise<void>[] = []
    // Every third one where it is seen.
    for (; done < due; done++)
      writes.push(
        state.set(`key ${done % 3 ? (done * 7919) % keys : done % 30}`, { n: done, tags: ['a', 'b'] }),
      )
    await Promise.all(writes)
    await new Promise(go => setTimeout(go, 5))
  }
}

test('with 100,000 keys and 1,000 commits a second the page goes on drawing, and does so by a small part of the time', {
  skip: noChromium,
  timeout: 120_000,
}, async t => {
  const { address, state, inspector } = await inspected(t, { server: { backend: 'process' } })
  for (let i = 0; i < KEYS; i += 5000)
    await state.update(
      Object.fromEntries(
        Array.from({ length: 5000 }, (_, n) => [`key ${i + n}`, { n: 0, tags: ['a', 'b'] }]),
      ),
    )
  const ctx = new Context<AnyState>(address)
  t.after(() => ctx.close())
  const writer = ctx.process(write, { args: [KEYS, RATE], name: 'writer' })
  const { page, errors } = await blankPage(t)
  await page.addInitScript(`
    window.long = []
    new PerformanceObserver(list => { for (const one of list.getEntries()) long.push(one.duration) }).observe({ type: 'longtask' })
    window.frames_ = 0
    const count = () => { frames_++; requestAnimationFrame(count) }
    count()`)
  let calls = 0
  page.on('request', () => {
    calls++
  })
  await page.goto(inspector.url)
  await page.getByText('100,000 keys').waitFor()
  await page.locator('.flash').first().waitFor()
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable')
  const measure = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    const of = (name: string) => metrics.find(one => one.name === name)?.value ?? 0
    const work = of('ScriptDuration') + of('LayoutDuration') + of('RecalcStyleDuration')
    const frames = await page.evaluate<number>('frames_')
    return {
      work,
      frames,
      calls,
      nodes: await page.evaluate<number>('document.querySelectorAll("*").length'),
      heap: of('JSHeapUsedSize'),
      time: performance.now(),
    }
  }
  const scroll = (top: number) =>
    page.evaluate(`document.querySelector('.state .virtual').scrollTop = ${top}`)
  const newest = async () =>
    Number((await page.locator('.where').textContent())?.match(/[\d,]+/)?.[0].replaceAll(',', ''))
  const [before, revision] = [await measure(), await newest()]
  for (let i = 0; i < SECONDS * 2; i++) {
    // It is used meanwhile: half of the time at the top, where much changes.
    await scroll(i % 2 ? 300_000 * i : 0)
    await sleep(500)
  }
  const [after, last] = [await measure(), await newest()]
  const seconds = (after.time - before.time) / 1000
  const frames = (after.frames - before.frames) / seconds
  const work = (after.work - before.work) / seconds
  const rate = (after.calls - before.calls) / seconds
  const longest = await page.evaluate<number>('Math.max(0, ...long)')
  await writer.stop()
  t.diagnostic(
    `${frames.toFixed(0)} frames a second, script and layout ${(100 * work).toFixed(0)} % of the time, longest task ${longest} ms, ` +
      `${rate.toFixed(0)} calls a second, ${after.nodes} nodes, ${(after.heap / 1e6).toFixed(0)} MB, ${Math.round((last - revision) / seconds)} commits/s`,
  )
  assert.ok(last - revision > 100 * seconds, `${last - revision} commits in ${seconds} s`)
  assert.ok(frames >= 10, `${frames} frames a second`)
  assert.ok(work <= 0.5, `script and layout take ${work} of the time`)
  assert.ok(longest <= 1000, `a task took ${longest} ms`)
  // Ten updates a second, and for each the lines of the tree and of the log.
  assert.ok(rate <= 40, `${rate} calls a second`)
  assert.ok(after.nodes <= 2000 && after.heap <= 64e6, `${after.nodes} nodes, ${after.heap} bytes`)
  assert.deepEqual(errors, [])
})
