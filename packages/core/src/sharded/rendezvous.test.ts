import { describe, expect, test } from 'vitest'
import { rendezvousHashing } from './rendezvous.ts'

type Weights = Readonly<Record<string, number>>

const keys = Array.from({ length: 40_000 }, (_, index) => `key ${index}`)

function owners(weights: Weights, of: readonly string[] = keys): string[] {
  return of.map(rendezvousHashing(new Map(Object.entries(weights))))
}

/** How many keys each shard owns. */
function counts(weights: Weights): Record<string, number> {
  const found: Record<string, number> = {}
  for (const owner of owners(weights)) found[owner] = (found[owner] ?? 0) + 1
  return found
}

/** Each key's owner before and after a change, where they differ, as `before>after`. */
function moves(before: Weights, after: Weights): string[] {
  const later = owners(after)
  return owners(before).flatMap((owner, index) => (owner === later[index] ? [] : [`${owner}>${later[index]}`]))
}

describe('rendezvousHashing', () => {
  test('gives the answers it always gave: any other loses what is stored', () => {
    const asked = [
      'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      'sha1:a9993e364706816aba3e25717850c26c9cd0d89d',
      'reapi:sha256:main\0ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      'nx:\u{fc}n\u{ef}code\0\u{1f600}',
      '',
      'a',
      'b',
    ]

    expect(owners({ east: 1, west: 1 }, asked).join(' ')).toBe('west east east east east west west west')
    expect(owners({ a: 1, b: 2.5, c: 0.25, d: 7 }, asked).join(' ')).toBe('d d d b d d d b')
    expect(counts({ east: 1, north: 2, west: 0.5 })).toEqual({ north: 22_736, east: 11_592, west: 5672 })
  })

  test('depends on the names and weights alone, not on their order', () => {
    expect(owners({ a: 1, b: 2, c: 3 })).toEqual(owners({ c: 3, a: 1, b: 2 }))
  })

  test.each<Weights>([
    { a: 1, b: 1 },
    { a: 1, b: 3 },
    { east: 1, west: 1, north: 1, south: 1, centre: 1 },
    { small: 0.1, large: 10 },
    { 'disk-1': 500, 'disk-2': 1000, 'disk-3': 2000 },
  ])('each shard of %j gets its share of the keys', (weights) => {
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
    const found = counts(weights)

    for (const [name, weight] of Object.entries(weights)) {
      const share = weight / total
      const standardDeviation = Math.sqrt(keys.length * share * (1 - share))
      expect(Math.abs((found[name] ?? 0) - keys.length * share)).toBeLessThan(4 * standardDeviation)
    }
  })

  test('a shard of weight 0 gets nothing, and changes nothing', () => {
    expect(moves({ a: 1, b: 2 }, { a: 1, b: 2, c: 0 })).toEqual([])
  })

  test('a shard that is added takes its share, and nothing moves between the others', () => {
    const moved = moves({ a: 1, b: 1, c: 1 }, { a: 1, b: 1, c: 1, d: 1 })

    expect(new Set(moved)).toEqual(new Set(['a>d', 'b>d', 'c>d']))
    expect(moved.length).toBe(counts({ a: 1, b: 1, c: 1, d: 1 })['d'])
  })

  test('a shard that is removed leaves its keys to the others, in proportion to their weights', () => {
    const moved = moves({ a: 1, b: 2, c: 3 }, { a: 1, b: 2 })

    expect(new Set(moved)).toEqual(new Set(['c>a', 'c>b']))
    expect(moved.length).toBe(counts({ a: 1, b: 2, c: 3 })['c'])
    expect(moved.filter((move) => move === 'c>b').length / moved.length).toBeCloseTo(2 / 3, 1)
  })

  test('a weight that grows only draws keys to its shard, one that shrinks only gives some away', () => {
    expect(new Set(moves({ a: 1, b: 1, c: 1 }, { a: 1, b: 1, c: 2 }))).toEqual(new Set(['a>c', 'b>c']))
    expect(new Set(moves({ a: 1, b: 1, c: 2 }, { a: 1, b: 1, c: 1 }))).toEqual(new Set(['c>a', 'c>b']))
  })

  test('weights that all change by one factor move nothing', () => {
    expect(moves({ a: 1, b: 2, c: 3 }, { a: 10, b: 20, c: 30 })).toEqual([])
  })
})
