// How long until a target runs its first line, and what do 50 processes at once cost, against bare forks?
// Measured by plain Node on the build (kit/starts.mjs): under tsx the loader would be most of each start.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./kit/starts.mjs', import.meta.url))
execFileSync(process.execPath, [program], { stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: '' } })
