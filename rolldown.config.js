import { readFileSync } from 'node:fs'
import { defineConfig } from 'rolldown'

// To start a process is mostly to load its files, and one large file loads faster than many small ones.
// Whatever begins a program, or is imported by its URL, is an input; the inputs share chunks, so that each module is
// there once. A chunk lies as deep as the rooms of src/: what is relative to a module of theirs holds for both.
const inputs = [
  'index',
  'cli/main',
  'context/context',
  'map/worker',
  'process/main',
  'process/thread-main',
  'lifeline/sweep',
  'server/main',
  'storage/archive',
  'storage/compact',
]

/** What every child loads, and what those load besides that get a State: see test/process/entry.test.ts. */
const child =
  /\/src\/(errors|async\/(interval|traces)|protocol\/(describe|thrown|values?)|lifeline\/(line|owner|spawned)|process\/(classes|current|exit|job|messages|print|pulse|run|target)|shipping\/(revive|revival|beginnings|compile|load|modules|wrappers))\b|\/msgpackr\/(un)?pack\.js$/
const state = /\/src\/(async|protocol|client|transport)\/(?!atomic)/

const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
)

const program = defineConfig({
  input: Object.fromEntries(inputs.map(input => [input, `src/${input}.ts`])),
  platform: 'node',
  external: [/^node:/, ...Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })],
  tsconfig: false,
  output: {
    dir: 'dist',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: {
      groups: [
        { name: 'child', test: child },
        { name: 'state', test: state },
      ],
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

/** The licences of the packages that a chunk holds parts of. */
function licences(modules) {
  const folders = modules.map(id => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(id)?.[0])
  return [...new Set(folders)]
    .filter(Boolean)
    .map(folder => `/*!\n${folder.split('/').at(-2)}\n\n${readFileSync(`${folder}LICENSE`, 'utf8')}*/`)
    .join('\n')
}
