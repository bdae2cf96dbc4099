import { shown, type Table } from './report.ts'

const LETTER = 8
const BAR = 22
const GAP = 8
const ROOM = 320
// For the figure behind a bar.
const FIGURE = 90

/** One table as a picture: a bar for each row's median, a line over the middle half of its rounds. */
export function chart({ title, unit, rows }: Table): string {
  const heading = `${title} (${unit})`
  const label = 24 + LETTER * Math.max(...rows.map(({ name }) => name.length))
  const width = Math.max(label + ROOM + FIGURE, 24 + LETTER * heading.length)
  const height = 44 + rows.length * (BAR + GAP)
  const most = Math.max(...rows.map(({ high }) => high), Number.MIN_VALUE)
  const x = (figure: number) => label + Math.max(0, figure / most) * ROOM
  const bars = rows.map(({ name, median, low, high }, i) => {
    const y = 36 + i * (BAR + GAP)
    const middle = y + BAR / 2
    return [
      `<text x="${label - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${label}" y="${y}" width="${Math.max(1, x(median) - label).toFixed(1)}" height="${BAR}" fill="${i === 0 ? '#9aa5b1' : '#5b8def'}"/>`,
      `<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#111" stroke-width="2"/>`,
      `<text x="${(Math.max(x(median), x(high)) + 8).toFixed(1)}" y="${middle + 4}">${shown(median)}</text>`,
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="13">
<title>${escaped(heading)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="20" font-weight="bold">${escaped(heading)}</text>
${bars.join('\n')}
</svg>
`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
