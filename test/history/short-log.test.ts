import { expectSound } from './sound.ts'

expectSound('short log', 'with watchers that fall behind further than the log goes back', 125)
