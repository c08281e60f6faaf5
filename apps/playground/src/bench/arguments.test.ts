import { expect, test } from 'vitest'
import { parseBenchArguments } from './arguments.ts'
import { contests } from './contests.ts'
import { reportedCommand } from './shared-arguments.ts'

test('everything is measured when nothing is asked for', () => {
  const { selected, quick, write } = parseBenchArguments([])

  expect(selected.map(({ contest }) => contest)).toEqual(contests)
  expect(selected.every(({ cases }) => cases.length > 0)).toBe(true)
  expect([quick, write]).toEqual([false, false])
})

test('the dashes that pnpm hands over mean nothing', () => {
  expect(parseBenchArguments(['--', '--quick'])).toEqual(parseBenchArguments(['--quick']))
})

test('options narrow down what is measured', () => {
  const { selected } = parseBenchArguments(['--backend', 'memory', '--only', 'get', '--only', 'has', '--size', '1KiB'])

  expect(selected.map(({ cases }) => cases)).toEqual([
    [
      { backend: 'memory', operation: 'get', sizeBytes: 1024, concurrency: 1 },
      { backend: 'memory', operation: 'has', sizeBytes: 1024, concurrency: 1 },
    ],
  ])
})

test.each([
  [['--backend', 'tape'], /no tape; there are memory/],
  [['--only', 'fly'], /no fly; there are put/],
  [['--size', '3KiB'], /no 3KiB; there are 1KiB/],
  [['--seed', 'x'], /not a whole number/],
  [['--fast'], /--fast/],
])('%j is refused', (words, message) => {
  expect(() => parseBenchArguments(words)).toThrow(message)
})

test('a command is reported without where things were stored', () => {
  const words = ['--', '--quick', '--directory', '/big/disk', '--only', 'Read of 64', '--keep=/stores', '--write']

  expect(reportedCommand('pnpm bench:scale', words)).toBe('pnpm bench:scale --quick --only "Read of 64" --write')
})
