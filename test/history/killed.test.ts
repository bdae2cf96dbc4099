import { expectSound } from './sound.ts'

expectSound('plain', 'of processes, of which some are killed with SIGKILL,', 8, 2)
