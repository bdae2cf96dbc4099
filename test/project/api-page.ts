import type { Export, Member } from './api.ts'

const groups: [kind: Export['kind'], title: string, about: string][] = [
  ['class', 'Classes', ''],
  ['function', 'Functions', ''],
  ['type', 'Options and types', 'A member with `?` is optional.'],
  ['helper', 'Types in signatures', 'They are not exported: TypeScript infers them.'],
  ['error', 'Errors', ''],
]

/** docs/api.md, made of the TSDoc comments of the source. */
export function apiPage(exports: readonly Export[]): string {
  const parts = groups.flatMap(([kind, title, about]) => {
    const found = exports.filter(it => it.kind === kind).sort((a, b) => (a.name < b.name ? -1 : 1))
    return [`## ${title}`, ...(about ? [about] : []), ...found.flatMap(section)]
  })
  const head = [
    '# API',
    'Every export of `zproc`, made of the comments in the source by `npm run docs`. Times are milliseconds. Methods that cross a' +
      '\nprocess return promises. A wrong argument or an unknown option is a `TypeError` or `RangeError` at the call.',
    index(exports),
  ]
  return `${[...head, ...parts].join('\n\n')}\n`
}

function index(exports: readonly Export[]): string {
  return groups
    .map(([kind, title]) => {
      const names = exports.filter(it => it.kind === kind).map(({ name }) => name)
      return `- **${title}:** ${names
        .sort()
        .map(name => `[${name}](#${name.toLowerCase()})`)
        .join(', ')}`
    })
    .join('\n')
}

function section({ name, signature, doc, members, kind }: Export): string[] {
  const own = members.find(member => kind === 'error' && member.name === 'code')
  const [errorCode] = /ZPROC_\w+/.exec(`${own?.signature} ${own?.doc}`) ?? []
  const link = errorCode ? [`What to do: [${errorCode}](errors.md#${errorCode.toLowerCase()}).`] : []
  return [`### ${name}`, code(signature), ...(doc ? [doc] : []), ...link, ...members.map(item)]
}

function item({ signature, doc }: Member): string {
  const isShort = !signature.includes('\n') && signature.length < 110 && !signature.includes('`')
  const text = doc ? `  ${doc.replaceAll('\n', '\n  ')}`.replace(/[ \t]+$/gm, '') : ''
  if (isShort) return [`- \`${signature}\``, text].filter(Boolean).join('\n\n')
  return [`- ${code(signature).replaceAll('\n', '\n  ')}`, text].filter(Boolean).join('\n\n')
}

const code = (text: string): string => `\`\`\`ts no-run\n${text}\n\`\`\``
