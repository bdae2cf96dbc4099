import { expectSound } from './sound.ts'

expectSound(
  'without code',
  'on a server that runs no code, where each atomic function holds the namespace',
  125,
)
