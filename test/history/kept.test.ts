import { expectSound } from './sound.ts'

expectSound(
  'kept on disk',
  'of a server that is killed and started again on its folder in the midst of each',
  12,
)
expectSound(
  'kept on disk, short log',
  'of the same with watchers that are further behind than memory goes',
  12,
)
expectSound('kept on disk', 'of the same, and of processes, of which some are killed with SIGKILL,', 2, 2)
