import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Digest, DigestFunction } from '../digest.ts'
import { assertDigest, createDigest } from '../digest.ts'
import { copyHashWords, DigestBytes, KnownBlobs, MAX_HASH_WORDS } from './index.ts'

const hash = 'a'.repeat(64)

function digestAt(index: number, digestFunction: DigestFunction = 'sha256'): Digest {
  const algorithm = digestFunction === 'blake3' ? 'sha256' : digestFunction
  return createDigest(createHash(algorithm).update(String(index)).digest('hex'), index, digestFunction)
}

function wordsOf(digest: Digest): number[] {
  const words = new Uint32Array(MAX_HASH_WORDS)
  const count = digest.hash.length / 8
  copyHashWords(digest, words, count)
  return [...words.subarray(0, count)]
}

describe('a digest that was checked', () => {
  test('is checked again once another hash stands in it', () => {
    const digest = createDigest(hash, 1) as { hash: string; sizeBytes: number }
    assertDigest(digest)

    digest.hash = '../../etc/passwd'.padEnd(64, '/')

    expect(() => assertDigest(digest)).toThrow(/not a lower-case hexadecimal/)
  })

  test('is checked again as one of another digest function', () => {
    const digest = createDigest(hash, 1, 'blake3') as {
      hash: string
      sizeBytes: number
      digestFunction: DigestFunction
    }
    assertDigest(digest)

    digest.digestFunction = 'sha1'

    expect(() => assertDigest(digest)).toThrow(/sha1 hash/)
  })

  test('is a plain object like any other', () => {
    const digest = new DigestBytes(Buffer.from(hash)).read(0, 64, 1, 'sha256')

    expect(digest).toStrictEqual({ hash, sizeBytes: 1 })
    expect(structuredClone(digest)).toStrictEqual({ hash, sizeBytes: 1 })
  })
})

describe('digests of hashes that stand in bytes', () => {
  test.each(['sha256', 'sha1', 'sha384', 'sha512', 'blake3'] as const)(
    'are those that are made of strings: %s',
    (digestFunction) => {
      const expected = Array.from({ length: 300 }, (_, index) => digestAt(index, digestFunction))
      const bytes = Buffer.from(expected.map((digest) => `..${digest.hash}`).join(''))
      const stride = 2 + (expected[0]?.hash.length ?? 0)
      const digests = new DigestBytes(bytes)

      const read = expected.map((_, index) => digests.read(index * stride + 2, stride - 2, index, digestFunction))

      expect(read).toEqual(expected)
      expect(read.map(wordsOf)).toEqual(expected.map((digest) => wordsOf({ ...digest })))
    },
  )

  test('may stand in any order, far from each other', () => {
    const bytes = Buffer.from(`${hash}${'.'.repeat(5000)}${'b'.repeat(64)}`)
    const digests = new DigestBytes(bytes)

    const read = [5064, 0, 5064].map((start) => digests.read(start, 64, 1, 'sha256').hash)

    expect(read).toEqual(['b'.repeat(64), hash, 'b'.repeat(64)])
  })

  test.each([
    ['upper case', hash.toUpperCase(), 1],
    ['too short', hash.slice(1), 1],
    ['a path', '../../etc/passwd'.padEnd(64, '/'), 1],
    ['a byte that is no character', Buffer.concat([Buffer.from(hash.slice(1)), Buffer.of(0xff)]), 1],
    ['a negative size', hash, -1],
    ['a size beyond what is exact', hash, 2 ** 53],
  ])('refuses %s as createDigest does', (_, text, sizeBytes) => {
    const bytes = Buffer.from(text)

    const read = (): Digest => new DigestBytes(bytes).read(0, bytes.byteLength, sizeBytes, 'sha256')

    expect(read).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })

  test('none is made of a hash that is refused, nor of the words of one', () => {
    const digests = new DigestBytes(Buffer.from(`${'b'.repeat(63)}X${hash}`))

    expect(() => digests.read(0, 64, 1, 'sha256')).toThrow(expect.objectContaining({ code: 'invalid-argument' }))

    expect(wordsOf(digests.read(64, 64, 1, 'sha256'))).toEqual(Array.from({ length: 8 }, () => 0xaaaaaaaa))
  })
})

describe('known blobs', () => {
  test('are found with their times, and others are not', () => {
    const known = new KnownBlobs(2 ** 16)
    const digests = Array.from({ length: 5000 }, (_, index) => digestAt(index))

    for (const [index, digest] of digests.entries()) known.note(digest, index)

    expect(digests.map((digest) => known.find({ ...digest }))).toEqual(digests.map((_, index) => index))
    expect(known.find(digestAt(5000))).toBeUndefined()
  })

  test('are told apart by size and digest function', () => {
    const known = new KnownBlobs(1024)

    known.note(createDigest(hash, 7), 1)

    expect(known.find(createDigest(hash, 8))).toBeUndefined()
    expect(known.find(createDigest(hash, 7 + 2 ** 29))).toBeUndefined()
    expect(known.find(createDigest(hash, 7 + 2 ** 32))).toBeUndefined()
    expect(known.find(createDigest(hash, 7, 'blake3'))).toBeUndefined()
    expect(known.find(createDigest(hash, 7))).toBe(1)
  })

  test('have the time that was noted last', () => {
    const known = new KnownBlobs(1024)

    known.note(digestAt(1), 100)
    known.note(digestAt(1), 200)

    expect(known.find(digestAt(1))).toBe(200)
  })

  test('can be forgotten, one by one and all at once', () => {
    const known = new KnownBlobs(2 ** 16)
    const digests = Array.from({ length: 3000 }, (_, index) => digestAt(index))
    for (const digest of digests) known.note(digest, 1)

    for (const digest of digests.slice(0, 1000)) known.forget(digest)
    const left = digests.filter((digest) => known.find(digest) !== undefined)
    known.clear()

    expect(left).toEqual(digests.slice(1000))
    expect(digests.filter((digest) => known.find(digest) !== undefined)).toEqual([])
  })

  test('are no more than the limit: those with the earliest times go', () => {
    const known = new KnownBlobs(1024)
    const digests = Array.from({ length: 20_000 }, (_, index) => digestAt(index))

    for (const [index, digest] of digests.entries()) known.note(digest, index)

    const left = digests.filter((digest) => known.find(digest) !== undefined)
    expect(left.length).toBeLessThanOrEqual(1024)
    expect(left.length).toBeGreaterThan(1000)
    expect(left[0]?.sizeBytes).toBeGreaterThan(17_000)
  })
})
