import { execFileSync } from 'node:child_process'

/** One import as the source has it: `import`, `import type`, `export … from`, or `import('…')` of a literal. */
export interface Import {
  from: string
  specifier: string
  to: string
}

/** Every import of `src/`, as the compiler itself explains them: no second parser that could read them otherwise. */
export function importsOfSource(): Import[] {
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noEmit', '--explainFiles']
  let explained: string
  try {
    explained = execFileSync(process.execPath, tsc, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    // Type errors are the business of `npm run types`; the explanation is printed all the same.
    explained = (error as { stdout: string }).stdout
  }
  return readExplanation(explained)
}

export function readExplanation(explained: string): Import[] {
  const imports: Import[] = []
  let to = ''
  for (const line of explained.split(/\r?\n/)) {
    if (!line.startsWith(' ')) to = line
    const found = /^\s+Imported via (['"])(.+)\1 from file '(src\/[^']+)'/.exec(line)
    if (found?.[2] !== undefined && found[3] !== undefined) {
      imports.push({ from: found[3], specifier: found[2], to })
    }
  }
  return imports
}

/** One cycle as the files it goes through, the first repeated at the end; undefined when there is none. */
export function findCycle(imports: readonly Import[]): string[] | undefined {
  const next = new Map<string, string[]>()
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to])
  const done = new Set<string>()
  const path: string[] = []

  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return undefined
    path.push(file)
    for (const to of next.get(file) ?? []) {
      const cycle = visit(to)
      if (cycle) return cycle
    }
    path.pop()
    done.add(file)
    return undefined
  }

  for (const file of next.keys()) {
    const cycle = visit(file)
    if (cycle) return cycle
  }
  return undefined
}
