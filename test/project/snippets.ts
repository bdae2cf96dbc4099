/** A fenced `ts` or `js` block of a page of documentation. */
export interface Snippet {
  page: string
  /** Where its code begins, counted from 1. */
  line: number
  language: 'ts' | 'js'
  code: string
  /** What it prints, when a `text` block follows it: `…` there stands for anything. */
  expected: string | undefined
}

/** All blocks of a Markdown page that are to be run: those whose info string does not say `no-run`. */
export function snippetsOf(page: string, markdown: string): Snippet[] {
  const snippets: Snippet[] = []
  let last: Snippet | undefined
  for (const { info, line, code, joined } of fences(markdown)) {
    const [language, ...words] = info.split(/\s+/)
    if (language === 'text' && joined && last) {
      last.expected = code
      last = undefined
      continue
    }
    last = undefined
    if ((language !== 'ts' && language !== 'js') || words.includes('no-run')) continue
    last = { page, line, language, code, expected: undefined }
    snippets.push(last)
  }
  return snippets
}

/** Whether the output is the expected one; blank ends of lines and of the whole do not count. */
export function isExpected(expected: string, printed: string): boolean {
  const pattern = tidy(expected)
    .split('…')
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^]*?')
  return new RegExp(`^${pattern}$`).test(tidy(printed))
}

function tidy(text: string): string {
  return text.replace(/[ \t]+$/gm, '').trim()
}

interface Fence {
  info: string
  line: number
  code: string
  /** Nothing but blank lines stands between it and the block before. */
  joined: boolean
}

function* fences(markdown: string): Generator<Fence> {
  const lines = markdown.split(/\r?\n/)
  let joined = false
  for (let at = 0; at < lines.length; at++) {
    const opening = /^( {0,3})(`{3,}|~{3,})\s*([^`]*)$/.exec(lines[at]!)
    if (!opening) {
      if (lines[at]!.trim() !== '') joined = false
      continue
    }
    const [, indent, marks, info] = opening as unknown as [string, string, string, string]
    const first = at + 1
    do at++
    while (at < lines.length && !isClosing(lines[at]!, marks))
    if (at === lines.length) throw new Error(`the block that is opened in line ${first} is never closed`)
    const code = lines
      .slice(first, at)
      .map(line => (line.startsWith(indent) ? line.slice(indent.length) : line))
    yield { info: info.trim(), line: first + 1, code: code.join('\n'), joined }
    joined = true
  }
}

function isClosing(line: string, marks: string): boolean {
  const text = line.trim()
  return text.length >= marks.length && text === marks[0]!.repeat(text.length)
}
