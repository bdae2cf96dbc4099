import { findSourceMap, SourceMap, type SourceMapPayload } from 'node:module'
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Loaded } from './inspect.ts'

/** The way from a compiled script back to what the user wrote. */
export function mapOf(loaded: Loaded): SourceMap | undefined {
  let map = maps.get(loaded)
  if (map === undefined) {
    map = found?.source === loaded.source ? found.map : inlineMap(loaded)
    maps.set(loaded, map)
  }
  return map ?? undefined
}

/** What is compiled as it is loaded carries the map to its one file, and Node knows that file by the same map. */
export function compiledFrom(source: string): string | undefined {
  const { sources = [], mappings } = inlinePayload(source) ?? {}
  const [path] = sources
  if (path === undefined || sources.length > 1 || !isAbsolute(path)) return undefined
  const url = pathToFileURL(path).href
  for (const name of [url, path]) {
    const map = findSourceMap(name)
    if (map?.payload.mappings !== mappings) continue
    found = map && { source, map }
    return name
  }
  return undefined
}

function inlineMap({ url, source }: Loaded): SourceMap | null {
  const payload = inlinePayload(source)
  return (payload ? new SourceMap(payload) : findSourceMap(url)) ?? null
}

/** The map that a compiler left at the end of a text. */
function inlinePayload(source: string): SourceMapPayload | undefined {
  // The last one: a test runner writes something of its own behind it.
  const at = source.lastIndexOf(MAP)
  const encoded = at < 0 ? undefined : /^[^,]*;base64,([\w+/=]+)/.exec(source.slice(at + MAP.length))?.[1]
  try {
    return encoded ? (JSON.parse(Buffer.from(encoded, 'base64').toString()) as SourceMapPayload) : undefined
  } catch {
    return undefined
  }
}

const MAP = '# sourceMappingURL=data:application/json'
const maps = new WeakMap<Loaded, SourceMap | null>()
/** Node reads a map anew each time that it is asked: what it gave last is kept for the script that it belongs to. */
let found: { source: string; map: SourceMap } | undefined
