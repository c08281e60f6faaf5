import { expect, test } from 'vitest'
import type { CaseResult } from './run-case.ts'
import { figuresTable, ratiosTable, slowerThan, summary } from './tables.ts'

const results: CaseResult[] = [
  {
    backend: 'memory',
    operation: 'get',
    sizeBytes: 1024,
    concurrency: 1,
    figures: [
      { subject: 'ours', cpuUs: 10, wallUs: 20, cpuRatio: undefined, wallRatio: undefined },
      { subject: 'fast', cpuUs: 5, wallUs: 40, cpuRatio: 2, wallRatio: 0.5 },
      { subject: 'slow', cpuUs: 20, wallUs: 2.5, cpuRatio: 0.5, wallRatio: 8 },
    ],
  },
  {
    backend: 'memory',
    operation: 'has',
    sizeBytes: 1024,
    concurrency: 1,
    figures: [
      { subject: 'ours', cpuUs: 1, wallUs: 1, cpuRatio: undefined, wallRatio: undefined },
      { subject: 'fast', cpuUs: 0.25, wallUs: 1, cpuRatio: 4, wallRatio: 1 },
    ],
  },
]

test('figuresTable: has a row for each subject, ours first, with bytes per second where content is moved', () => {
  const lines = figuresTable(results).split('\n').map(cells)

  expect(lines.slice(2)).toEqual([
    ['get', '1 KiB', '1', 'ours', '10', '20', '51.2', '', ''],
    ['', '', '', 'fast', '5', '40', '25.6', '2', '0.5'],
    ['', '', '', 'slow', '20', '2.5', '410', '0.5', '8'],
    ['has', '1 KiB', '1', 'ours', '1', '1', '', '', ''],
    ['', '', '', 'fast', '0.25', '1', '', '4', '1'],
  ])
})

test('ratiosTable: has a column for each peer, and says which of them cannot do a thing', () => {
  const lines = ratiosTable(results).split('\n').map(cells)

  expect(lines[0]).toEqual(['operation', 'size', 'at once', 'fast', 'slow'])
  expect(lines.slice(2)).toEqual([
    ['get', '1 KiB', '1', '2 / 0.5', '0.5 / 8'],
    ['has', '1 KiB', '1', '4 / 1', 'cannot'],
  ])
})

test('summary: says what a case came to in one line', () => {
  const [get] = results

  expect(get && summary(get)).toBe('memory get 1 KiB 1: 10 µs of CPU; CPU / wall 2 / 0.5 of fast, 0.5 / 8 of slow')
})

test('slowerThan: names the cases in which ours took more, the worst first', () => {
  expect(slowerThan(results, 'cpuRatio')).toEqual(['has 1 KiB 1: 4 of fast', 'get 1 KiB 1: 2 of fast'])
  expect(slowerThan(results, 'wallRatio')).toEqual(['get 1 KiB 1: 8 of slow'])
})

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}
