import { findSourceMap, SourceMap } from 'node:module'

/** The way from a compiled script back to what the user wrote. */
export function mapOf(script: { url: string; source: string }): SourceMap | undefined {
  let map = maps.get(script)
  if (map === undefined) {
    map = inlineMap(script.source) ?? findSourceMap(script.url) ?? null
    maps.set(script, map)
  }
  return map ?? undefined
}

/** The map that a compiler left at the end of a text. */
export function inlineMap(source: string): SourceMap | undefined {
  // The last one: a test runner writes something of its own behind it.
  const at = source.lastIndexOf(MAP)
  const found = at < 0 ? undefined : /^[^,]*;base64,([\w+/=]+)/.exec(source.slice(at + MAP.length))
  try {
    return found?.[1] ? new SourceMap(JSON.parse(Buffer.from(found[1], 'base64').toString())) : undefined
  } catch {
    return undefined
  }
}

const MAP = '# sourceMappingURL=data:application/json'
const maps = new WeakMap<object, SourceMap | null>()
