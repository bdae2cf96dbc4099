import { expectSound } from './sound.ts'

expectSound('redis', 'on Redis, of clients that lose their connections,', 15)
expectSound('redis, short log', 'on Redis with watchers that fall behind further than the log goes back', 10)
expectSound('redis, started again', 'on a Redis that is killed and started again in the midst of each', 10)
expectSound('redis', 'on Redis, of processes, of which some are killed with SIGKILL,', 2, 2)
