import { shown, type Table } from './report.ts'

const WIDTH = 720
const LABEL = 300
const BAR = 22
const GAP = 8
const ROOM = WIDTH - LABEL - 110

/** One table as a picture: a bar for each row's median, a line over the middle half of its rounds. */
export function chart({ title, unit, rows }: Table): string {
  const most = Math.max(...rows.map(({ high }) => high), Number.MIN_VALUE)
  const height = 40 + rows.length * (BAR + GAP)
  const bars = rows.map(({ name, median, low, high }, i) => {
    const y = 36 + i * (BAR + GAP)
    const x = (figure: number) => LABEL + (figure / most) * ROOM
    const middle = y + BAR / 2
    return [
      `<text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${Math.max(1, x(median) - LABEL).toFixed(1)}" height="${BAR}" fill="${i === 0 ? '#9aa5b1' : '#2f6fde'}"/>`,
      `<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#111" stroke-width="2"/>`,
      `<text x="${(Math.max(x(median), x(high)) + 8).toFixed(1)}" y="${middle + 4}">${shown(median)}</text>`,
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="20" font-weight="bold">${escaped(`${title} (${unit})`)}</text>
${bars.join('\n')}
</svg>
`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
