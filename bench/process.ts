// How long until a target runs its first line, and what do 50 processes at once cost, against bare forks?
import { reportPlain } from './kit/plain.ts'

reportPlain('process-starts.mjs')
