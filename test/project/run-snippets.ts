import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileInto, type Ended, projectFolder, runNode } from '../kit/as-installed.ts'
import { type Snippet, snippetsOf } from './snippets.ts'

/** Milliseconds for one snippet, processes started by it included. */
const PATIENCE = 30_000

export interface Written {
  snippets: Snippet[]
  /** How the compiler ended, over all of them. */
  compiled: Promise<Ended>
  run(snippet: Snippet): Promise<Ended>
}

/** The Markdown pages below a directory, as paths from the root of the repository. */
export function markdownIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => join(directory, file))
    .sort()
}

/** Writes the snippets of the pages into a project of their own, and compiles them. */
export function writeSnippets(pages: string[]): Written {
  const snippets = pages.flatMap(page => snippetsOf(page, readFileSync(page, 'utf8')))
  const folder = projectFolder()
  const pathOf = ({ page, line }: Snippet) => join(folder, `${page.replace(/[^\w]+/g, '-')}-line-${line}`)
  for (const snippet of snippets) writeFileSync(`${pathOf(snippet)}.${snippet.language}`, snippet.code)
  const compiled = compileInto(folder, folder)
  return {
    snippets,
    compiled,
    run: async snippet => {
      await compiled
      return runNode([`${pathOf(snippet)}.js`], { timeout: PATIENCE })
    },
  }
}
