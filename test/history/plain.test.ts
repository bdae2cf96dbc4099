import { expectSound } from './sound.ts'

expectSound('plain', 'of clients that lose their connections', 125)
