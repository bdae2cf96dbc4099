import type { AnyNode } from 'acorn'
import type { Script, Written } from './parsed.ts'
import { placeOf } from './positions.ts'
import { mapOf } from './source-map.ts'
import { childrenOf } from './syntax-tree.ts'

/** Where a part of a compiled text stands in the file of its author; line and column count from 0. */
export interface Mark {
  start: number
  line: number
  column: number
}

/** A function of a compiled file, as its author knows it: so that the stacks of its errors lead there. */
export interface Original {
  file: string
  line: number
  column: number
  /** Places before which the text may be broken into lines, in order. */
  marks: Mark[]
}

export function originalOf(script: Script, written: Written): Original | undefined {
  const known = originals.get(written)
  if (known !== undefined) return known ?? undefined
  const found = find(script, written)
  originals.set(written, found ?? null)
  return found
}

/** The same text is sent again and again where functions are made in a loop. */
const originals = new WeakMap<Written, Original | null>()

function find(script: Script, { node, start, end }: Written): Original | undefined {
  const origin = originOf(script, start)
  if (!origin) return undefined
  const { file, line, column } = origin
  const marks: Mark[] = []
  // Most functions that are sent stood on one line, which needs no breaks.
  const last = originOf(script, end - 1)
  if (last?.file === file && last.line === line) return { file, line, column, marks }
  const visit = (at: AnyNode) => {
    if (at.start > start && mayFollowBreak(at, script.source)) {
      const found = originOf(script, at.start)
      if (found?.isExact && found.file === file)
        marks.push({ start: at.start, line: found.line, column: found.column })
    }
    for (const child of childrenOf(at)) visit(child)
  }
  visit(node)
  return { file, line, column, marks: marks.sort((a, b) => a.start - b.start) }
}

/** A line may not break behind `return`, `async` and the like: here it stands between two statements, or behind a sign. */
function mayFollowBreak({ type, start }: AnyNode, source: string): boolean {
  if (/Statement$|Declaration$|Definition$/.test(type)) return true
  return type !== 'TemplateElement' && /[({[,;:?=&|}]$|=>$/.test(source.slice(Math.max(0, start - 2), start))
}

/** The place in the author's file, when the script was compiled from one. */
export function originOf(
  script: Script,
  offset: number,
): { file: string; line: number; column: number; isExact: boolean } | undefined {
  const { line, column } = placeOf(script, offset)
  const entry = mapOf(script.loaded)?.findEntry(line, column)
  if (!entry || !('originalSource' in entry) || !entry.originalSource) return undefined
  return {
    file: sourceUrl(entry.originalSource, script.url),
    line: entry.originalLine,
    column: entry.originalColumn,
    isExact: entry.generatedLine === line && entry.generatedColumn === column,
  }
}

/** A source as a map names it: the same one for each place in a script. */
function sourceUrl(source: string, url: string): string {
  if (last?.source !== source || last.url !== url) last = { source, url, file: resolved(source, url) }
  return last.file
}

let last: { source: string; url: string; file: string } | undefined

function resolved(source: string, url: string): string {
  if (!url.startsWith('file:')) return url
  try {
    return new URL(
      source.replace(/^[a-z]:[\\/]/i, drive => `file:///${drive}`),
      url,
    ).href
  } catch {
    return url
  }
}
