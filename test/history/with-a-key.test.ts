import { expectSound } from './sound.ts'

expectSound('with a key', 'over connections with a key', 125)
