// How long until a new state server answers, by where it runs?
import { reportPlain } from './kit/plain.ts'

reportPlain('server-starts.mjs')
