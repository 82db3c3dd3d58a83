import { expect, it } from 'vitest'
import { closingLine } from '../../scripts/test-report.mjs'

const loaded = { status: 'passed', assertionResults: [{}] }
const broken = { status: 'failed', assertionResults: [] }

it.each([
  ['all passed', { numPassedTests: 12, numFailedTests: 0, testResults: [loaded] }, 0, '12 passed, 0 failed', true],
  ['one failed', { numPassedTests: 11, numFailedTests: 1, testResults: [] }, 1, '11 passed, 1 failed', false],
  [
    'a file did not load',
    { numPassedTests: 5, numFailedTests: 0, testResults: [broken] },
    1,
    '5 passed, 1 failed',
    false,
  ],
  ['a stray error', { numPassedTests: 5, numFailedTests: 0, testResults: [loaded] }, 1, '5 passed, 1 failed', false],
  [
    'some skipped',
    { numPassedTests: 5, numFailedTests: 0, numPendingTests: 2 },
    0,
    '5 passed, 0 failed, 2 skipped',
    true,
  ],
  ['no test at all', { numPassedTests: 0, numFailedTests: 0 }, 0, '0 passed, 0 failed', false],
  ['no report', null, 134, '0 passed, 1 failed', false],
])('%s', (_name, report, status, line, ok) => {
  expect(closingLine(report, status)).toEqual({ line, ok })
})
