import { describe, expect, test } from 'vitest'
import type { BlobEvent } from './linearizability.ts'
import { isLinearizable } from './linearizability.ts'

function event(kind: BlobEvent['kind'], start: number, end: number): BlobEvent {
  return { kind, start, end }
}

describe('isLinearizable', () => {
  test('accepts what happens one after the other and makes sense', () => {
    const events = [event('absent', 0, 1), event('write', 2, 3), event('present', 4, 5), event('delete', 6, 7)]

    expect(isLinearizable([...events, event('absent', 8, 9)])).toBe(true)
    expect(isLinearizable([...events, event('present', 8, 9)])).toBe(false)
  })

  test('refuses a read that misses what was written before it began', () => {
    expect(isLinearizable([event('write', 0, 1), event('absent', 2, 3)])).toBe(false)
  })

  test('refuses a read that finds what nobody wrote', () => {
    expect(isLinearizable([event('present', 0, 5), event('write', 6, 7)])).toBe(false)
  })

  test('accepts both answers of a read that overlaps a write, in the order that time allows', () => {
    const write = event('write', 0, 9)

    expect(isLinearizable([write, event('absent', 1, 2), event('present', 3, 4)])).toBe(true)
    expect(isLinearizable([write, event('present', 1, 2), event('absent', 3, 4)])).toBe(false)
  })

  test('accepts either outcome of a write and a delete that overlap, but not both', () => {
    const both = [event('write', 0, 5), event('delete', 1, 6)]

    expect(isLinearizable([...both, event('present', 7, 8)])).toBe(true)
    expect(isLinearizable([...both, event('absent', 7, 8)])).toBe(true)
    expect(isLinearizable([...both, event('absent', 7, 8), event('present', 9, 10)])).toBe(false)
  })

  test('accepts that a write that was given up came late, or never', () => {
    const givenUp = event('write', 0, Infinity)

    expect(isLinearizable([givenUp, event('absent', 1, 2), event('present', 3, 4)])).toBe(true)
    expect(isLinearizable([givenUp, event('absent', 1, 2), event('absent', 3, 4)])).toBe(true)
    expect(isLinearizable([givenUp, event('present', 1, 2), event('absent', 3, 4)])).toBe(false)
  })

  test('decides about many events at once', () => {
    const writes = Array.from({ length: 12 }, (_, index) => event('write', index, 100 + index))
    const reads = Array.from({ length: 12 }, (_, index) => event('present', 50 + index, 150 + index))

    expect(isLinearizable([...writes, ...reads])).toBe(true)
    expect(isLinearizable([...writes, ...reads, event('absent', 200, 201)])).toBe(false)
  })
})
