import type { TreeQuery, TreeRow } from '../src/inspect/messages.ts'
import type { App } from './app.ts'
import { FLASH, idOf } from './tree-model.ts'
import { VirtualList } from './virtual-list.tsx'
import { count } from './words.ts'

const ORDERS: { value: TreeQuery['order']; label: string }[] = [
  { value: 'put', label: 'In the order put' },
  { value: 'name', label: 'By name' },
  { value: 'changed', label: 'Last changed first' },
]

/** The state as a tree of keys and the parts of their values. */
export function Tree({ app }: { app: App }) {
  const { tree } = app
  const total = tree.window?.total ?? 0
  const at = Math.max(0, Math.min(tree.active, total - 1))
  const choose = (index: number): void => {
    tree.active = Math.max(0, Math.min(index, (tree.window?.total ?? 0) - 1))
    const row = tree.row(tree.active)
    if (row) tree.select(row)
    else app.changed()
  }
  return (
    <section class="panel state" aria-label="State">
      <header class="panel-head">
        <h2>State</h2>
        <span class="muted">{tree.window ? `${count(tree.window.keys)} keys` : ''}</span>
        <input
          type="search"
          class="grow"
          placeholder="Filter keys  /"
          aria-label="Filter keys"
          data-shortcut="/"
          value={tree.filter}
          onInput={event => tree.set({ filter: event.currentTarget.value })}
        />
        <select
          aria-label="Order of keys"
          value={tree.order}
          onChange={event => tree.set({ order: event.currentTarget.value as TreeQuery['order'] })}
        >
          {ORDERS.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </header>
      {tree.problem && <p class="problem">{tree.problem}</p>}
      <VirtualList
        total={total}
        see={(from, seen) => tree.see(from, seen)}
        shows={at}
        topOf={`${tree.filter}\n${tree.order}\n${app.namespace}`}
        line={(index, top) => (
          <Line key={index} app={app} index={index} top={top} isActive={index === at} choose={choose} />
        )}
        role="tree"
        aria-label="Keys of the state"
        tabIndex={0}
        aria-activedescendant={total > 0 ? `tree-${at}` : undefined}
        onKeyDown={(event: KeyboardEvent) => {
          if (keyPressed(app, event, choose)) event.preventDefault()
        }}
      />
      {tree.window && total === 0 && (
        <p class="empty">{tree.filter ? 'No key contains this text.' : 'The state has no keys.'}</p>
      )}
    </section>
  )
}

interface LineProps {
  app: App
  index: number
  top: number
  isActive: boolean
  choose(index: number): void
}

function Line({ app, index, top, isActive, choose }: LineProps) {
  const row = app.tree.row(index)
  const style = { transform: `translateY(${top}px)` }
  if (!row) return <div class="line pending" style={style} role="presentation" />
  const { tree } = app
  const id = idOf(row)
  const flashed = tree.flashes.get(id)
  const isChanged = app.revision !== null && row.path.length === 0 && row.revision === app.revision
  const isSelected = tree.selected !== undefined && idOf(tree.selected) === id
  const classes = ['line', isActive && 'active', isSelected && 'selected', isChanged && 'changed']
  const isFlashing = flashed !== undefined && performance.now() - flashed < FLASH
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree hears the keys, and says which line is active
    <div
      id={`tree-${index}`}
      tabIndex={-1}
      class={classes.filter(Boolean).join(' ')}
      style={style}
      role="treeitem"
      aria-level={row.path.length + 1}
      aria-expanded={row.parts === null ? undefined : row.isOpen}
      aria-selected={isSelected}
      aria-label={`${row.label}: ${row.text}`}
      onClick={() => choose(index)}
      onDblClick={() => row.parts !== null && tree.toggle(row)}
    >
      <span class="indent" style={{ width: `${row.path.length * 16}px` }} />
      <Twisty row={row} toggle={() => tree.toggle(row)} />
      <span class={row.path.length === 0 ? 'key' : 'field'}>{row.label}</span>
      <span key={isFlashing ? flashed : 0} class={`value ${row.kind}${isFlashing ? ' flash' : ''}`}>
        {row.text}
      </span>
      {row.parts !== null && row.parts > 1 && <span class="badge">{partsOf(row)}</span>}
    </div>
  )
}

// Of objects no more than so many fields are counted.
const partsOf = ({ parts, kind }: TreeRow): string =>
  kind === 'object' && parts === 1000 ? '1,000+' : count(parts ?? 0)

function Twisty({ row, toggle }: { row: TreeRow; toggle(): void }) {
  if (row.parts === null) return <span class="twisty" />
  return (
    <button
      type="button"
      class={`twisty${row.isOpen ? ' open' : ''}`}
      tabIndex={-1}
      aria-hidden="true"
      onClick={event => {
        event.stopPropagation()
        toggle()
      }}
    >
      ›
    </button>
  )
}

/** The keys of a tree, as ARIA has them. Gives whether it was one. */
function keyPressed({ tree }: App, { key }: KeyboardEvent, choose: (index: number) => void): boolean {
  const at = tree.active
  const row = tree.row(at)
  const moves: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + 15,
    PageUp: at - 15,
    Home: 0,
    End: Number.MAX_SAFE_INTEGER,
  }
  const move = moves[key]
  if (move !== undefined) choose(move)
  else if (!row) return false
  else if (key === 'ArrowRight' && row.parts !== null)
    tree.isOpen(row) ? choose(at + 1) : tree.toggle(row, true)
  else if (key === 'ArrowLeft') tree.isOpen(row) ? tree.toggle(row, false) : choose(parentOf(tree, row, at))
  else if (key === 'Enter' || key === ' ') row.parts === null ? choose(at) : tree.toggle(row)
  else return false
  return true
}

/** The line that a part belongs to, if that is near. */
function parentOf(tree: App['tree'], row: TreeRow, at: number): number {
  for (let i = at - 1; i >= 0; i--) {
    const above = tree.row(i)
    if (!above) return at
    if (above.path.length < row.path.length) return i
  }
  return at
}
