// The page in a browser.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { type AnyState, atomic, Context, State } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import type { ProcessesShown } from '../../src/inspect/messages.ts'
import { blankPage, noChromium } from '../kit/chromium.ts'
import { elsewhere } from '../kit/elsewhere.ts'
import { type Inspected, inspected } from './kit.ts'

type Given = Parameters<typeof inspected>[1]

/** An inspector, and its page in a browser. Anything that the browser complains of fails the test. */
async function opened(
  t: TestContext,
  given: Given = {},
  options: BrowserContextOptions = {},
): Promise<Inspected & { page: Page }> {
  const room = await inspected(t, given)
  const { page, errors } = await blankPage(t, options)
  t.after(() => assert.deepEqual(errors, []))
  await page.goto(room.inspector.url)
  await page.getByText('Nothing is stuck.').waitFor()
  return { ...room, page }
}

/** The line of the tree with this label. */
const line = (page: Page, label: string) =>
  page.getByRole('treeitem').filter({ has: page.locator('.key, .field').getByText(label, { exact: true }) })
const value = (page: Page, label: string) => line(page, label).locator('.value')
const says = (page: Page, label: string, text: string) =>
  line(page, label).filter({ hasText: text }).waitFor()

function browserTest(title: string, run: (t: TestContext) => Promise<void>): void {
  test(title, { skip: noChromium, timeout: 60_000 }, run)
}

browserTest('the token leaves the address at once, and the page can be loaded again', async t => {
  const { page, state, token, port } = await opened(t)
  await state.set('greeting', 'hello')
  await says(page, 'greeting', '"hello"')
  const own = `http://127.0.0.1:${port}/`
  assert.equal(page.url(), own)
  await page.reload()
  await says(page, 'greeting', '"hello"')
  assert.equal(await page.evaluate('document.cookie'), '')
  assert.ok(!(await page.content()).includes(token))
  // Another tab, which was not given it.
  const { page: other } = await blankPage(t)
  await other.goto(own)
  await other.getByRole('heading', { name: 'Not let in' }).waitFor()
  assert.ok(!(await other.content()).includes('hello'))
})

browserTest('the URL that a browser is started with is good for once', async t => {
  const { inspector } = await inspected(t)
  const url = inspector.urlOnce()
  const { page } = await blankPage(t)
  await page.goto(url)
  await page.getByText('Nothing is stuck.').waitFor()
  const { page: second } = await blankPage(t)
  await second.goto(url)
  await second.getByText('this link was used already').waitFor()
})

browserTest('the tree follows the state, and what has changed flashes', async t => {
  const { page, state } = await opened(t)
  await page.getByText('The state has no keys.').waitFor()
  // There is no earlier revision to go to.
  assert.ok(await page.locator('.live').isDisabled())
  await state.update({ order: { id: 7, items: ['oat', 'nut'] }, count: 1, other: 'stays' })
  await says(page, 'count', '1')
  await page.locator('.flash').waitFor({ state: 'detached' })
  await state.set('count', 2)
  await page.locator('.flash').getByText('2', { exact: true }).waitFor()
  assert.equal(await line(page, 'other').locator('.flash').count(), 0)
  await state.delete('count')
  await line(page, 'count').waitFor({ state: 'detached' })
})

browserTest(
  'the tree is used by keys: it opens, closes and moves, and says so to screen readers',
  async t => {
    const { page, state } = await opened(t)
    await state.update({
      first: 1,
      order: { id: 7, items: ['oat', { name: 'nut' }] },
      last: new Map([['k', 5]]),
    })
    await line(page, 'last').waitFor()
    const tree = page.getByRole('tree')
    await tree.focus()
    const active = async () => {
      const id = await tree.getAttribute('aria-activedescendant')
      return page.locator(`#${id}`).getAttribute('aria-label')
    }
    assert.equal(await active(), 'first: 1')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowRight')
    await line(page, 'items').waitFor()
    assert.equal(await line(page, 'order').getAttribute('aria-expanded'), 'true')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowDown')
    await page.locator('#tree-3.active').waitFor()
    assert.equal(await active(), 'items: ["oat", { name: "nut" }]')
    await page.keyboard.press('Enter')
    await says(page, '1', '{ name: "nut" }')
    assert.equal(await line(page, '1').getAttribute('aria-level'), '3')
    // A part that changes while it is open.
    await state.set('order', { id: 7, items: ['oat', { name: 'pea' }] })
    await says(page, '1', '{ name: "pea" }')
    await page.keyboard.press('ArrowLeft')
    await line(page, '1').waitFor({ state: 'detached' })
    await page.keyboard.press('End')
    await page.keyboard.press('ArrowRight')
    await says(page, 'k =>', '5')
    await page.keyboard.press('/')
    await page.keyboard.type('FIR')
    await line(page, 'order').waitFor({ state: 'detached' })
    await line(page, 'first').waitFor()
  },
)

browserTest(
  'the slider shows the state as it was, with what each commit changed, while the state goes on',
  async t => {
    const { page, state } = await opened(t)
    await state.set('price', { amount: 10, unit: 'EUR' })
    await state.set('price', { amount: 12, unit: 'EUR' })
    await state.delete('price')
    await state.set('other', true)
    await page.getByText('Revision 4', { exact: true }).waitFor()
    const slider = page.getByRole('slider', { name: 'Revision' })
    await slider.focus()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowLeft')
    await says(page, 'price', 'amount: 12')
    const diffs = page.getByRole('list', { name: 'What this commit changed' })
    await diffs.getByText('.amount').waitFor()
    assert.equal(await diffs.locator('del').textContent(), '10')
    assert.equal(await diffs.locator('ins').textContent(), '12')
    await state.set('new', 1)
    await page.getByText('of 5').waitFor()
    assert.equal(await line(page, 'new').count(), 0)
    await page.getByRole('button', { name: 'One commit on' }).click()
    await diffs.getByText('deleted').waitFor()
    assert.equal(await line(page, 'price').count(), 0)
    await page.getByRole('button', { name: 'Go live' }).click()
    await says(page, 'new', '1')
  },
)

browserTest('the log says who changed what, is filtered, and leads to the state at a commit', async t => {
  const { page, state } = await opened(t)
  const raise = atomic(function raise(draft: AnyState) {
    draft.stock.oat += 1
  })
  await state.update({ stock: { oat: 1 }, name: 'shop' })
  await raise(state)
  await state.delete('name')
  const commits = page.getByRole('list', { name: 'Commits, the newest first' }).getByRole('listitem')
  await commits.nth(2).waitFor()
  const lines = await commits.allTextContents()
  const who = `main${process.pid}`
  assert.match(lines[0]!, new RegExp(`3${who}deletename deleted$`))
  assert.match(lines[1]!, new RegExp(`2${who}atomic.*stock .oat = 2$`))
  assert.match(lines[2]!, new RegExp(`1${who}updatestock = \\{ oat: 1 \\}name = "shop"$`))
  await page.getByLabel('Filter by key').fill('stock')
  await page.getByText('2 found').waitFor()
  await state.set('stock', { oat: 0 })
  await page.getByText('3 found').waitFor()
  await page.getByLabel('Filter by method').fill('atomic')
  await page.getByText('1 found').waitFor()
  await commits.first().getByRole('button').click()
  await says(page, 'stock', '{ oat: 2 }')
  await page.getByLabel('Filter by process or pid').fill('nobody')
  await page.getByText('0 found').waitFor()
})

browserTest('a planted deadlock and a watcher that is stuck are on top, in words', async t => {
  const { page, address, state } = await opened(t, { server: { atomicTimeout: 60_000 } })
  // Two clients, each of which has what the other one waits for.
  const stateAt = (at: string, namespace: string) => {
    const made = new State<AnyState>(at, { namespace })
    t.after(() => made.close())
    return made
  }
  const other = elsewhere(address)
  const [both, goOn] = [deferred<void>(), deferred<void>()]
  let inside = 0
  const take = (own: State<AnyState>, wanted: State<AnyState>) =>
    atomic(async function settle(_: AnyState) {
      if (++inside === 2) both.resolve()
      await both.promise
      await Promise.race([wanted.set('n', 1), goOn.promise])
    })(own)
  const locks = Promise.allSettled([
    take(stateAt(address, 'orders'), stateAt(address, 'stock')),
    take(stateAt(other, 'stock'), stateAt(other, 'orders')),
  ])
  t.after(() => {
    goOn.resolve()
    return locks
  })
  // And one that does not come back for what it was sent.
  const watcher = stateAt(other, 'default')
  const loop = watcher.rawUpdates()
  const first = loop.next()
  await watcher.ping()
  await state.set('text', '')
  await first
  for (let i = 0; i < 20; i++)
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => state.set('text', `${i} ${n} ${'x'.repeat(2000)}`)),
    )
  const stuck = page.getByRole('region', { name: 'What is stuck' })
  await stuck.getByText(/^deadlock: pid \d+ \(main\) has (orders|stock) and waits for/).waitFor()
  await stuck.getByText(/orders is locked by pid \d+ \(main\) in settle for .*; 1 call waits/).waitFor()
  await stuck.getByText(/a reader of default in pid \d+ \(main\) is [\d,]+ commits behind/).waitFor()
  await page.getByRole('button', { name: 'Server' }).click()
  const table = page.getByRole('region', { name: 'Locks' })
  await table
    .getByRole('row', { name: /^orders/ })
    .getByText(/set by/)
    .waitFor()
  await table
    .getByRole('row', { name: /^stock/ })
    .getByText(/set by/)
    .waitFor()
  const watchers = page.getByRole('region', { name: 'Watchers' })
  // The inspector may be behind as well, where the machine is busy.
  const late = watchers.getByRole('row', { name: /^main/ })
  await late.getByText('its program, which has not used what it was sent').first().waitFor()
  await loop.return?.()
})

browserTest('programs are shown with the processes that they have started', async t => {
  const { page, address, state } = await opened(t, { server: { backend: 'process' } })
  // The inspector of this test is in this process: by another name of the address the program is a client of its own.
  const ctx = new Context<AnyState>(elsewhere(address))
  t.after(() => ctx.close())
  const goes = ctx.process(async own => void (await own.getWhenEqual('go', true)), { name: 'waits' })
  await page.getByRole('button', { name: 'Server' }).click()
  const processes = page.getByRole('region', { name: 'Processes' }).first()
  await processes.getByText(/^running$/).waitFor()
  const lines = await processes.getByRole('row').allTextContents()
  assert.ok(
    lines.some(text => text.startsWith(`main${process.pid}connected`)),
    lines.join('\n'),
  )
  assert.ok(
    lines.some(text => text.startsWith(`waits${goes.pid}running`)),
    lines.join('\n'),
  )
  await state.set('go', true)
  await goes.wait()
})

browserTest(
  'the slider shows the processes that there were, and says from when on they are known',
  async t => {
    const { page, address, state, call } = await opened(t, { server: { backend: 'process' } })
    const ctx = new Context<AnyState>(elsewhere(address))
    t.after(() => ctx.close())
    ctx.process(async own => void (await own.getWhenEqual('go', true)), { name: 'early' })
    await page.getByRole('button', { name: 'Server' }).click()
    const row = page.getByRole('row', { name: /^early/ })
    await row.filter({ hasText: 'running' }).waitFor()
    await state.set('while it ran', true)
    await state.set('go', true)
    await row.filter({ hasText: 'ended' }).waitFor()
    await state.set('afterwards', true)
    await page.getByText('Revision 3', { exact: true }).waitFor()
    const slider = page.getByRole('slider', { name: 'Revision' })
    await slider.focus()
    await page.keyboard.press('Home')
    const then = page.getByRole('region', { name: 'Processes at revision 1' })
    await then
      .getByRole('row', { name: /^early/ })
      .filter({ hasText: 'running' })
      .waitFor()
    // What a process of then prints now is no part of it.
    assert.equal(await then.getByRole('button').count(), 0)
    await page.keyboard.press('End')
    await page
      .getByRole('region', { name: 'Processes at revision 3' })
      .getByRole('row', { name: /^early/ })
      .filter({ hasText: 'ended' })
      .waitFor()
    await page.getByRole('button', { name: 'Go live' }).click()
    await page.getByRole('region', { name: 'Processes', exact: true }).waitFor()
    const before = await call<ProcessesShown>('processes', { time: 1 })
    assert.equal(before.processes, null)
    assert.ok(before.since !== null && before.since > Date.now() - 60_000)
  },
)

browserTest(
  'another namespace is looked at, and comes with its own state and log, beside the same figures',
  async t => {
    const { page, address, state } = await opened(t)
    await state.set('here', 1)
    const other = new State<AnyState>(address, { namespace: 'other' })
    t.after(() => other.close())
    await other.set('there', 2)
    await line(page, 'here').waitFor()
    await page.locator('select option', { hasText: 'other' }).waitFor({ state: 'attached' })
    const points = async () => (await page.locator('.stroke').first().getAttribute('d'))!.split('L').length
    await page.evaluate(`new Promise(done => {
    const look = () => (document.querySelector('.stroke')?.getAttribute('d').split('L').length >= 4 ? done() : requestAnimationFrame(look))
    look()
  })`)
    const before = await points()
    await page.getByLabel('Namespace').selectOption('other')
    await says(page, 'there', '2')
    assert.equal(await line(page, 'here').count(), 0)
    const after = await points()
    assert.ok(after >= before && after < 2 * before, `${before} samples, and then ${after}`)
    await other.set('there', 3)
    await says(page, 'there', '3')
  },
)

browserTest('with --write a value is changed and a key deleted, each once it is confirmed', async t => {
  const { page, state } = await opened(t, { canWrite: true })
  await state.update({ price: { amount: 10 }, old: 1 })
  await line(page, 'price').click()
  await page.getByRole('button', { name: 'Edit…' }).click()
  const box = page.getByRole('textbox', { name: 'The value, as JSON' })
  assert.deepEqual(JSON.parse(await box.inputValue()), { amount: 10 })
  await box.fill('{ "amount": }')
  assert.ok(await page.getByRole('button', { name: 'Next…' }).isDisabled())
  await box.fill('{ "amount": 11 }')
  await page.getByRole('button', { name: 'Next…' }).click()
  await page.getByText('Before').waitFor()
  assert.deepEqual(await state.get('price'), { amount: 10 })
  await page.getByRole('button', { name: 'Change it' }).click()
  await says(page, 'price', 'amount: 11')
  assert.deepEqual(await state.get('price'), { amount: 11 })
  await line(page, 'old').click()
  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.equal(await state.get('old'), 1)
  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('button', { name: 'Delete it' }).click()
  await line(page, 'old').waitFor({ state: 'detached' })
  assert.deepEqual(await state.keys(), ['price'])
})

browserTest(
  'without --write there is nothing to change a value with, and what is redacted is not on the page',
  async t => {
    const { page, state } = await opened(t, { keys: ['secret'] })
    await state.update({ secret: 'hunter2', open: 'text' })
    await says(page, 'secret', '(redacted)')
    await line(page, 'secret').click()
    await page.getByRole('region', { name: 'Key secret' }).locator('.whole').waitFor()
    assert.equal(await page.getByRole('button', { name: /Edit|Delete/ }).count(), 0)
    assert.ok(!(await page.content()).includes('hunter2'))
    await page.getByText('values redacted').waitFor()
  },
)

browserTest('the page fits a phone of 360 px, and each view is reached', async t => {
  const phone = { viewport: { width: 360, height: 640 }, hasTouch: true }
  const { page, state } = await opened(t, {}, phone)
  await state.update(
    Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`a key ${i}`, 'x'.repeat(200)])),
  )
  await line(page, 'a key 0').waitFor()
  const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  for (const view of ['State', 'Log', 'Server']) {
    await page.getByRole('button', { name: view, exact: true }).tap()
    await page.getByRole('region', { name: view, exact: true }).waitFor()
    assert.ok((await overflow()) <= 0, view)
  }
})

browserTest('it is light or dark as the system is, with text that can be read', async t => {
  const colors: number[][] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, state } = await opened(t, {}, { colorScheme })
    await state.set('k', 'text')
    await line(page, 'k').waitFor()
    for (const selector of ['h1', '.muted', '.value.string', '.verdicts .fine', '.tag'])
      assert.ok((await contrast(page, selector)) >= 4.5, `${selector} in ${colorScheme}`)
    const body = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    colors.push(body.match(/\d+/g)!.map(Number))
  }
  assert.ok(colors[0]!.every(part => part > 200) && colors[1]!.every(part => part < 60))
})

/** The contrast of a text with what is behind it, as WCAG counts it. */
function contrast(page: Page, selector: string): Promise<number> {
  return page.evaluate(`(() => {
    const channels = color => color.match(/[\\d.]+/g).map(Number)
    const light = color => {
      const [r, g, b] = channels(color).map(part => {
        const c = part / 255
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const element = document.querySelector(${JSON.stringify(selector)})
    let behind = element
    while (channels(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement
    const [a, b] = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)]
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
  })()`)
}

browserTest('when the inspector ends the page says so, and shows what it had', async t => {
  const { page, inspector, state } = await opened(t)
  await state.set('k', 1)
  await says(page, 'k', '1')
  await inspector.close()
  await page.getByText('The inspector does not answer').waitFor()
  assert.equal(await value(page, 'k').textContent(), '1')
})
