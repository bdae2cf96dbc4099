// What a screen reader is given of the page: its accessibility tree, as Chromium has made it.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { type AnyState, Context } from 'zproc'
import { blankPage, noChromium } from '../kit/chromium.ts'
import { elsewhere } from '../kit/elsewhere.ts'
import { inspected } from './kit.ts'

/** A node of the tree: see https://chromedevtools.github.io/devtools-protocol/tot/Accessibility/ */
interface Node {
  ignored: boolean
  role?: { value: string }
  name?: { value: string }
  description?: { value: string }
  properties?: { name: string; value: { value: unknown } }[]
}

// What can be used, or that has to be told apart from others of its kind.
const NAMED = new Set([
  'button',
  'checkbox',
  'combobox',
  'dialog',
  'image',
  'img',
  'link',
  'navigation',
  'option',
  'region',
  'searchbox',
  'slider',
  'spinbutton',
  'tab',
  'textbox',
  'tree',
  'treeitem',
])
// What takes the focus only so that it can be scrolled by keys, and is read as text.
const SCROLLED = new Set(['generic', 'list', 'table', 'pre', 'none', 'RootWebArea', 'Pre', 'LayoutTable'])

async function treeOf(page: Page): Promise<Node[]> {
  const session = await page.context().newCDPSession(page)
  const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { nodes: Node[] }
  await session.detach()
  return nodes.filter(({ ignored }) => !ignored)
}

const isFocusable = ({ properties = [] }: Node): boolean =>
  properties.some(({ name, value }) => name === 'focusable' && value.value === true)

/** Each control of a view has a role and a name; gives the roles that there are. */
async function check(page: Page, view: string): Promise<Set<string>> {
  const nodes = await treeOf(page)
  const roles = new Set<string>()
  for (const node of nodes) {
    const role = node.role?.value ?? ''
    roles.add(role)
    const name = node.name?.value.trim() ?? ''
    if (NAMED.has(role))
      assert.notEqual(name, '', `${view}: a ${role} without a name: ${JSON.stringify(node)}`)
    else if (isFocusable(node))
      assert.ok(
        SCROLLED.has(role),
        `${view}: what takes the focus is a ${role || 'nothing'}: ${JSON.stringify(node)}`,
      )
  }
  return roles
}

function includes(roles: Set<string>, ...wanted: string[]): void {
  for (const role of wanted) assert.ok(roles.has(role), `there is no ${role} among ${[...roles].join(', ')}`)
}

test('every control of every view has a role and a name for screen readers', {
  skip: noChromium,
  timeout: 120_000,
}, async (t: TestContext) => {
  const { inspector, state, address } = await inspected(t, {
    canWrite: true,
    keys: ['secret'],
    redactOutput: text => text,
  })
  const ctx = new Context<AnyState>(elsewhere(address), { spares: 0 })
  t.after(() => ctx.close())
  ctx.process(async own => void (await own.getWhenAvailable('over')), { name: 'waits', stdio: 'pipe' })
  await state.update({ order: { id: 7, items: ['oat', 'nut'] }, secret: 1 })
  const { page } = await blankPage(t)
  await page.goto(inspector.url)
  await page.getByRole('treeitem').first().waitFor()
  includes(await check(page, 'state'), 'tree', 'treeitem', 'slider', 'combobox', 'button')
  await page.getByRole('treeitem').first().click()
  await page.getByRole('button', { name: 'Edit…' }).click()
  await page.getByRole('dialog').waitFor()
  includes(await check(page, 'edit'), 'dialog', 'textbox')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('dialog').waitFor()
  includes(await check(page, 'delete'), 'dialog')
  await page.keyboard.press('Escape')
  await page.getByRole('slider', { name: 'Revision' }).focus()
  await page.locator('.live').click()
  await page.getByRole('list', { name: 'What this commit changed' }).waitFor()
  await check(page, 'an earlier revision')
  await page.getByRole('button', { name: 'Go live' }).click()
  await page.getByRole('button', { name: 'Server', exact: true }).click()
  await page.getByRole('button', { name: /^Last lines of waits/ }).click()
  await page.getByRole('region', { name: 'Last lines of waits' }).waitFor()
  includes(await check(page, 'server'), 'table', 'columnheader', 'button')
  await page.setViewportSize({ width: 360, height: 640 })
  await page.getByRole('button', { name: 'Log', exact: true }).click()
  await page.getByRole('region', { name: 'Log', exact: true }).waitFor()
  includes(await check(page, 'log'), 'list', 'searchbox')
  await state.set('over', true)
})
