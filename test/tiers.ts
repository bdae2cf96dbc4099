/**
 * The files of `npm test`, by parts of their paths: those that tell most in the least time. `npm run test:all` runs all
 * files, on every home of a state.
 */
export const fast = [
  'test/client/',
  'test/cli/',
  'test/context/arguments',
  'test/context/calls',
  'test/context/options',
  'test/contract/',
  'test/examples/examples',
  'test/faults/cut',
  'test/faults/slow',
  'test/history/check',
  'test/history/linearize',
  'test/history/workload',
  'test/lifeline/flags',
  'test/lifeline/guard',
  'test/process/contract',
  'test/project/imports',
  'test/project/lockfile',
  'test/project/recipes',
  'test/project/snippets',
  'test/protocol/',
  'test/server/addresses',
  'test/server/wire',
  'test/server/not-a-wire',
  'test/shipping/ship',
  'test/shipping/outline',
  'test/shipping/parsed',
  'test/store/',
  'test/types/',
]
