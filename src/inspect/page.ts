import { existsSync, readFileSync } from 'node:fs'

export interface File {
  type: string
  text: string
}

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>zproc</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" type="module"></script>
</head>
<body><noscript>This page needs JavaScript.</noscript></body>
</html>
`
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#5b5bd6"/>
<path d="M9 10h14L9 22h14" fill="none" stroke="#fff" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"/></svg>
`

// Beside the built package; and, where its source runs, in the build beside that.
const PLACES = ['../inspect/', '../../dist/inspect/']

/** The files of the page. None of them holds anything of a state, or the token. */
export class Page {
  readonly #files: Map<string, File>

  /** `place`: a folder with page.js and page.css. */
  constructor(place: URL | undefined = found()) {
    const read = (name: string) => readFileSync(new URL(name, place), 'utf8')
    this.#files = new Map([
      ['/', { type: 'text/html; charset=utf-8', text: HTML }],
      ['/icon.svg', { type: 'image/svg+xml', text: ICON }],
      ['/page.js', { type: 'text/javascript; charset=utf-8', text: read('page.js') }],
      ['/page.css', { type: 'text/css; charset=utf-8', text: read('page.css') }],
    ])
  }

  get(path: string): File | undefined {
    return this.#files.get(path)
  }
}

function found(): URL {
  const folders = PLACES.map(place => new URL(place, import.meta.url))
  const folder = folders.find(place => existsSync(new URL('page.js', place)))
  if (folder) return folder
  throw new Error('the page of the inspector is not built: run `npm run build` first')
}
