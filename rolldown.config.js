import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'rolldown'

// To start a process is mostly to load its files, and one large file loads faster than many small ones.
// Whatever begins a program, or is imported by its URL, is an input; the inputs share chunks, so that each module is
// there once. A chunk lies as deep as the rooms of src/: what is relative to a module of theirs holds for both.
const inputs = [
  'index',
  'cli/main',
  'context/context',
  'map/worker',
  'opentelemetry/instrument',
  'process/main',
  'process/thread-main',
  'lifeline/sweep',
  'server/main',
  'storage/archive',
  'storage/compact',
]

/**
 * What is one chunk: a module, with all that it imports and no chunk before it holds. Every child loads the first, and a
 * child that gets a State the second: see test/process/entry.test.ts.
 */
const chunks = { child: 'src/process/main.ts', state: 'src/client/state.ts' }

/** What each module imports, by its path. */
const imported = new Map()

const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
)

const program = defineConfig({
  input: Object.fromEntries(inputs.map(input => [input, `src/${input}.ts`])),
  platform: 'node',
  external: [/^node:/, ...Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })],
  tsconfig: false,
  plugins: [{ name: 'imported', moduleParsed: ({ id, importedIds }) => void imported.set(id, importedIds) }],
  output: {
    dir: 'dist',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: {
      groups: Object.entries(chunks).map(([name, module]) => ({ name, test: loadedBy(module) })),
    },
    banner: chunk => licences(chunk.moduleIds),
  },
})

// The page of `zproc inspect`: one file for the browser, without anything of Node, and its style.
const page = defineConfig({
  input: { page: 'inspector/main.tsx' },
  platform: 'browser',
  tsconfig: 'inspector/tsconfig.json',
  plugins: [
    {
      name: 'style',
      generateBundle() {
        const source = readFileSync(new URL('inspector/page.css', import.meta.url), 'utf8')
        this.emitFile({ type: 'asset', fileName: 'inspect/page.css', source: source.replace(/\n\s*/g, '\n') })
      },
    },
  ],
  output: {
    dir: 'dist',
    entryFileNames: 'inspect/page.js',
    minify: true,
    postBanner: chunk => licences(chunk.moduleIds),
  },
})

export default [program, page]

/**
 * Whether a module is loaded with `module`: that one itself, and what it imports, directly or not; `import()` does not count.
 * What begins a program is no part of a chunk: others load that, too.
 */
function loadedBy(module) {
  const path = name => join(import.meta.dirname, name)
  const begins = new Set(inputs.map(input => path(`src/${input}.ts`)))
  const loaded = new Set()
  const load = id => {
    if (loaded.has(id)) return
    loaded.add(id)
    for (const next of imported.get(id) ?? []) load(next)
  }
  return id => {
    load(path(module))
    return loaded.has(id) && !begins.has(id)
  }
}

/** The licences of the packages that a chunk holds parts of. */
function licences(modules) {
  const folders = modules.map(id => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(id)?.[0])
  return [...new Set(folders)]
    .filter(Boolean)
    .map(folder => `/*!\n${folder.split('/').at(-2)}\n\n${readFileSync(`${folder}LICENSE`, 'utf8')}*/`)
    .join('\n')
}
