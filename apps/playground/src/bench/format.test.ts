import { describe, expect, test } from 'vitest'
import { formatFigure, formatSize, formatTable } from './format.ts'

describe('formatFigure', () => {
  test.each([
    [0, '0'],
    [0.012345, '0.0123'],
    [1, '1'],
    [9.876, '9.88'],
    [123.4, '123'],
    [999.9, '1000'],
    [12345.6, '12,346'],
    [Number.NaN, '-'],
    [Infinity, '-'],
  ])('of %d is %s', (value, expected) => {
    expect(formatFigure(value)).toBe(expected)
  })
})

describe('formatSize', () => {
  test.each([
    [1, '1 B'],
    [1024, '1 KiB'],
    [64 * 1024, '64 KiB'],
    [64 * 1024 * 1024, '64 MiB'],
    [2 * 1024 ** 4, '2,048 GiB'],
  ])('of %d is %s', (sizeBytes, expected) => {
    expect(formatSize(sizeBytes)).toBe(expected)
  })
})

test('formatTable: lines up columns, the first to the left and the others to the right', () => {
  const rows = [['name', 'µs'], ['a', '1,000'], ['longer', '2'], ['no figure']]

  const table = formatTable(rows, 1)

  expect(table).toBe(
    [
      '| name      |    µs |',
      '| --------- | ----: |',
      '| a         | 1,000 |',
      '| longer    |     2 |',
      '| no figure |       |',
    ].join('\n'),
  )
})
