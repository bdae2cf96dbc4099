// A process that makes commits in a SQLite database, each by itself, as often as it is told to; see crew.ts. Its Node has
// node:sqlite.
import { DatabaseSync } from 'node:sqlite'

const database = new DatabaseSync(process.argv[2])
database.exec('PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
database.exec('CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID')
database.exec("INSERT OR IGNORE INTO counters VALUES ('count', 0)")
const increment = database.prepare("UPDATE counters SET count = count + 1 WHERE name = 'count'")

process.on('message', ({ times }) => {
  for (let i = 0; i < times; i++) if (increment.run().changes !== 1) throw new Error('nothing was changed')
  process.send('done')
})
process.on('disconnect', () => process.exit())
process.send('ready')
