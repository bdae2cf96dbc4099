import { useMemo, useState } from 'preact/hooks'
import type { Sample } from '../src/inspect/messages.ts'
import type { App } from './app.ts'
import { bytes, clock, percent, rate } from './words.ts'

const WIDTH = 240
const HEIGHT = 48
/** Samples from one side of a chart to the other, at the least: a minute. */
const LEAST = 60

interface Chart {
  name: string
  of(sample: Sample): number
  shown(value: number): string
  /** The least that the top of the chart stands for. */
  top: number
}

const CHARTS: Chart[] = [
  { name: 'Commits a second', of: ({ commits }) => commits, shown: rate, top: 10 },
  { name: 'Bytes a second', of: ({ bytes }) => bytes, shown: value => `${bytes(value)}/s`, top: 64 << 10 },
  { name: 'Load of the event loop', of: ({ busy }) => busy, shown: percent, top: 1 },
  { name: 'Memory', of: ({ rss }) => rss, shown: bytes, top: 64 << 20 },
  { name: 'Time to answer', of: ({ answer }) => answer, shown: value => `${value.toFixed(1)} ms`, top: 5 },
]

/** Figures of the last minutes. */
export function Charts({ app: { samples } }: { app: App }) {
  // The page is drawn ten times a second, and a sample comes each second.
  return useMemo(
    () => (
      <section class="charts" aria-label="Figures of the last five minutes">
        {CHARTS.map(chart => (
          <One key={chart.name} chart={chart} samples={samples} />
        ))}
      </section>
    ),
    [samples],
  )
}

function One({ chart, samples }: { chart: Chart; samples: Sample[] }) {
  const [pointed, setPointed] = useState<number>()
  const values = samples.map(chart.of)
  const last = Math.max(LEAST, values.length) - 1
  const top = Math.max(chart.top, ...values) * 1.08
  const x = (i: number) => WIDTH - ((values.length - 1 - i) * WIDTH) / last
  const y = (value: number) => HEIGHT - (value / top) * HEIGHT
  const line = values
    .map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`)
    .join('')
  const at = pointed === undefined ? undefined : samples[pointed]
  const newest = values.at(-1)
  const said = at ? chart.of(at) : newest
  const peak = values.length > 0 ? chart.shown(Math.max(...values)) : ''
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-name">{chart.name}</span>
        <span class="chart-value">{said === undefined ? '–' : chart.shown(said)}</span>
        <span class="muted chart-note">{at ? clock(at.time).slice(0, 8) : peak && `highest ${peak}`}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={
          newest === undefined
            ? `${chart.name}: nothing yet`
            : `${chart.name}: ${chart.shown(newest)} now, highest ${peak}`
        }
        onPointerMove={event => {
          const box = event.currentTarget.getBoundingClientRect()
          const back = Math.round(((box.right - event.clientX) / box.width) * last)
          setPointed(Math.max(0, values.length - 1 - back))
        }}
        onPointerLeave={() => setPointed(undefined)}
      >
        {values.length > 0 && (
          <path class="area" d={`${line}L${WIDTH} ${HEIGHT}L${x(0).toFixed(1)} ${HEIGHT}Z`} />
        )}
        {values.length > 0 && <path class="stroke" d={line} />}
        {pointed !== undefined && at && <path class="pointer" d={`M${x(pointed).toFixed(1)} 0V${HEIGHT}`} />}
      </svg>
    </figure>
  )
}
