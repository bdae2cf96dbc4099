// `kill -9` of a server under load. KILLS=n sets how often, SEED=n the seed. One file for each server: they take their time.
import { expectToSurvive } from './kills.ts'

expectToSurvive('that leaves it to the system when to sync', { durability: 'none' })
