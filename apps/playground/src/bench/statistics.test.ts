import { describe, expect, test } from 'vitest'
import { median, ratioOf } from './statistics.ts'

describe('median', () => {
  test.each([
    [[3], 3],
    [[9, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[100, 20, 3], 20],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })

  test('leaves the values in their order', () => {
    const values = [3, 1, 2]

    median(values)

    expect(values).toEqual([3, 1, 2])
  })

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

describe('ratioOf', () => {
  test('compares round by round, so that a slow round of both changes nothing', () => {
    expect(ratioOf([1, 2, 100], [2, 4, 200])).toBe(0.5)
  })

  test('is above 1 where ours took more', () => {
    expect(ratioOf([30, 10, 20], [10, 10, 10])).toBe(2)
  })

  test('does not hide a round that only one of them has', () => {
    expect(ratioOf([1, 1, 1], [1])).toBeNaN()
  })
})
