import { expect, test } from 'vitest'
import { parseScaleBenchArguments } from './arguments.ts'
import { fullScaleEffort, scaleParts } from './scale-run.ts'
import { scaleSubjects } from './scale-subject.ts'

test('everything is measured unless it is said what', () => {
  expect(parseScaleBenchArguments([])).toMatchObject({
    blobs: [100_000, 1_000_000, 5_000_000],
    parts: scaleParts,
    subjects: scaleSubjects,
    effort: fullScaleEffort,
    keep: undefined,
  })
})

test('sizes are given in any order, parts and backends by name', () => {
  const words = ['--blobs', '1e6,2000', '--only', 'memory', '--backend', 'fs', '--backend', 'reference']

  const { blobs, parts, subjects } = parseScaleBenchArguments(words)

  expect(blobs).toEqual([2000, 1_000_000])
  expect(parts).toEqual(['memory'])
  expect(subjects.map(({ kind }) => kind.name)).toEqual(['caskade fs', 'reference in Go'])
})

test('a first impression has fewer blobs', () => {
  expect(parseScaleBenchArguments(['--quick']).blobs).toEqual([100_000, 1_000_000])
})

test.each([
  [['--quick', '--write', '--seed', '2', '--keep', '/stores'], false],
  [['--blobs', '1e6'], true],
  [['--only', 'memory'], true],
  [['--backend', 'fs'], true],
])('%j: whether it is narrowed is %s', (words, isNarrowed) => {
  expect(parseScaleBenchArguments(words).isNarrowed).toBe(isNarrowed)
})

test.each([
  [['--only', 'nothing'], '--only: there is no nothing'],
  [['--backend', 'tape'], '--backend: there is no tape'],
  [['--blobs', '10'], '--blobs: 10 are not whole numbers of 1,000 or more'],
  [['--blobs', 'many'], '--blobs: many are not whole numbers'],
])('%s is refused', (words, message) => {
  expect(() => parseScaleBenchArguments(words)).toThrow(message)
})
