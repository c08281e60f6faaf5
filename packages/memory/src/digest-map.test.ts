import { createHash } from 'node:crypto'
import type { Digest, DigestFunction } from '@caskade/core'
import { createDigest } from '@caskade/core'
import { describe, expect, test } from 'vitest'
import { DigestMap } from './digest-map.ts'

const functions: readonly DigestFunction[] = ['sha256', 'sha1', 'sha384', 'sha512', 'blake3']

function digestAt(index: number): Digest {
  const digestFunction = functions[index % functions.length] ?? 'sha256'
  const algorithm = digestFunction === 'blake3' ? 'sha256' : digestFunction
  return createDigest(createHash(algorithm).update(String(index)).digest('hex'), index, digestFunction)
}

describe('DigestMap', () => {
  test('holds what a Map would, while much comes and goes', () => {
    const map = new DigestMap<number>()
    const expected = new Map<number, number>()
    const digests = Array.from({ length: 400 }, (_, index) => digestAt(index))
    const differences: Digest[] = []
    let state = 1

    for (let step = 0; step < 20_000; step += 1) {
      state = (state * 48_271) % (2 ** 31 - 1)
      const index = state % digests.length
      const digest = digests[index] ?? digestAt(index)
      // First it fills, then it empties.
      if (state % 1000 < (step < 10_000 ? 650 : 350)) {
        map.set(digest, step)
        expected.set(index, step)
      } else {
        map.delete(digest)
        expected.delete(index)
      }
      if (step % 500 === 0) differences.push(...digests.filter((each, at) => map.get(each) !== expected.get(at)))
    }

    expect(differences).toEqual([])
    expect(new Set(map.values())).toEqual(new Set(expected.values()))
    expect(expected.size).toBeGreaterThan(50)
  })

  test('tells hashes apart by their function, and not by sizes', () => {
    const map = new DigestMap<string>()
    const hash = 'a'.repeat(64)

    map.set(createDigest(hash, 1), 'here')

    expect(map.get(createDigest(hash, 2))).toBe('here')
    expect(map.get(createDigest(hash, 1, 'blake3'))).toBeUndefined()
  })

  test('tells hashes apart that begin alike', () => {
    const map = new DigestMap<number>()
    const digests = Array.from({ length: 100 }, (_, index) =>
      createDigest('b'.repeat(56) + String(index).padStart(8, '0'), 1),
    )

    for (const [index, digest] of digests.entries()) map.set(digest, index)
    for (const digest of digests.slice(0, 50)) map.delete(digest)

    expect(digests.map((digest) => map.get(digest))).toEqual(
      digests.map((_, index) => (index < 50 ? undefined : index)),
    )
  })
})
