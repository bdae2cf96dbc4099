import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inheritedEnv, inheritedFlags } from '../../src/lifeline/flags.ts'

test('loaders, limits and other flags are inherited', () => {
  const flags = [
    '--import',
    'tsx',
    '--require',
    './x.cjs',
    '--max-old-space-size=100',
    '-r',
    'y',
    '--enable-source-maps',
  ]
  assert.deepEqual(inheritedFlags(flags), flags)
})

test('what concerns just the program of the parent is not', () => {
  const flags = [
    '--test',
    '--test-reporter=spec',
    '--watch',
    '-e',
    'code',
    '--import',
    'tsx',
    '-p',
    '1',
    '--eval=2',
  ]
  assert.deepEqual(
    inheritedFlags([...flags, '--input-type=module', '-i', '--check', '--input-type', 'module']),
    ['--import', 'tsx'],
  )
})

test('what the test runner writes out does not change what SIGUSR2 does in a child', () => {
  assert.deepEqual(inheritedFlags(['--stack-trace-limit=10', '--report-signal=SIGUSR2']), [
    '--stack-trace-limit=10',
  ])
  const asked = ['--report-on-signal', '--report-signal=SIGUSR2']
  assert.deepEqual(inheritedFlags(asked), asked)
})

test('an inspector gets a port of its own and waits for nobody', () => {
  assert.deepEqual(inheritedFlags(['--inspect']), ['--inspect=0'])
  assert.deepEqual(inheritedFlags(['--inspect-brk=9230']), ['--inspect=0'])
  assert.deepEqual(inheritedFlags(['--inspect-wait=0.0.0.0:9230']), ['--inspect=0.0.0.0:0'])
  assert.deepEqual(inheritedFlags(['--inspect=[::1]:9230', '--inspect-port=1']), ['--inspect=[::1]:0'])
})

test('the environment is inherited without the marks node put on this process', () => {
  assert.deepEqual(
    inheritedEnv({
      A: '1',
      NODE_TEST_CONTEXT: 'child',
      NODE_UNIQUE_ID: '1',
      NODE_OPTIONS: '--inspect-brk=1 --import tsx',
    }),
    { A: '1', NODE_OPTIONS: '--inspect=0 --import tsx' },
  )
})
