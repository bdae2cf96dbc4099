import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

/** The height of a line, in pixels: see `--row` in page.css. */
export const ROW = 28
/** Browsers lay nothing out beyond some tens of millions of pixels: longer lists scroll by more than a line per line. */
const TALLEST = 12_000_000
/** Lines that are drawn above and below those that are seen. */
const AROUND = 8

interface Props {
  total: number
  /** Draws the line at an index; `top` is where. */
  line(index: number, top: number): ComponentChildren
  /** Hears which lines are seen. */
  see(from: number, count: number): void
  /** Brings this line into sight when it changes. */
  shows?: number | undefined
  /** Goes back to the top when it changes. */
  topOf?: unknown
  [attribute: string]: unknown
}

/** A list of which only the lines that are seen are drawn. */
export function VirtualList({ total, line, see, shows, topOf, children, ...attributes }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [scroll, setScroll] = useState({ top: 0, height: 400 })
  const height = Math.min(total * ROW, TALLEST)
  // Which part of the way down is shown, and which part of the lines is above.
  const way = Math.max(1, height - scroll.height)
  const first = height < total * ROW ? (scroll.top / way) * (total - scroll.height / ROW) : scroll.top / ROW
  const from = Math.max(0, Math.min(Math.floor(first), total - 1))
  const count = Math.ceil(scroll.height / ROW) + 1
  const offset = scroll.top - (first - from) * ROW

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const measure = () => setScroll({ top: element.scrollTop, height: element.clientHeight || 400 })
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    element.addEventListener('scroll', measure, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', measure)
    }
  }, [])
  useLayoutEffect(() => see(from, count), [from, count])
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0
  }, [topOf])
  useLayoutEffect(() => {
    const element = box.current
    if (!element || shows === undefined || shows < 0 || height < total * ROW) return
    const [top, bottom] = [shows * ROW, (shows + 1) * ROW]
    if (top < element.scrollTop) element.scrollTop = top
    else if (bottom > element.scrollTop + element.clientHeight)
      element.scrollTop = bottom - element.clientHeight
  }, [shows])

  const drawn: ComponentChildren[] = []
  for (let i = Math.max(0, from - AROUND); i < Math.min(total, from + count + AROUND); i++)
    drawn.push(line(i, offset + (i - from) * ROW))
  return (
    <div class="virtual" ref={box} {...attributes}>
      <div class="virtual-space" role="presentation" style={{ height: `${height}px` }}>
        {drawn}
      </div>
      {children as ComponentChildren}
    </div>
  )
}
