import { type Row, rows } from './row.js'
import './rows.js'
import './runs.js'
import './usual.js'

/** Group by group: a group may be spread over files. */
export const all: Row[] = [...new Set(rows.map(({ group }) => group))].flatMap(group =>
  rows.filter(row => row.group === group),
)
