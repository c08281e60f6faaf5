import { describe, expect, test } from 'vitest'
import {
  createDigest,
  createHasher,
  type DigestFunction,
  digestKey,
  digestOf,
  emptyDigest,
  StorageError,
} from './index.ts'

const hash = 'a'.repeat(64)

describe('createDigest', () => {
  test('leaves the digest function out for SHA-256, so that equal digests are deeply equal', () => {
    expect(createDigest(hash, 3)).toEqual({ hash, sizeBytes: 3 })
    expect(createDigest(hash, 3, 'sha256')).toEqual({ hash, sizeBytes: 3 })
    expect(createDigest(hash, 3, 'blake3')).toEqual({ hash, sizeBytes: 3, digestFunction: 'blake3' })
  })

  test.each([
    ['upper case', hash.toUpperCase(), 1],
    ['too short', hash.slice(1), 1],
    ['too long', `${hash}a`, 1],
    ['a path', '../../etc/passwd'.padEnd(64, '/'), 1],
    ['a line break', `${hash.slice(1)}\n`, 1],
    ['a letter whose code ends like that of an a', `${hash.slice(1)}\u0161`, 1],
    ['letters of another script', '\uff41'.repeat(64), 1],
    ['not a string', 12 as unknown as string, 1],
    ['a negative size', hash, -1],
    ['a fraction', hash, 0.5],
    ['not a number', hash, Number.NaN],
    ['beyond what is exact', hash, 2 ** 53],
  ])('refuses %s', (_, badHash, sizeBytes) => {
    expect(() => createDigest(badHash, sizeBytes)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })

  test.each(['md5', 'constructor', '__proto__'])('refuses the digest function %s', (name) => {
    expect(() => createDigest(hash, 1, name as DigestFunction)).toThrow(/unknown digest function/)
  })
})

test('digestKey tells functions apart, and not sizes', () => {
  expect(digestKey(createDigest(hash, 1))).toBe(digestKey(createDigest(hash, 2)))
  expect(digestKey(createDigest(hash, 1))).not.toBe(digestKey(createDigest(hash, 1, 'blake3')))
})

describe('hashing', () => {
  test('computes the digest of content, at once and in parts', () => {
    const expected = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'
    const hasher = createHasher()
    hasher.update(Buffer.from('hel'))
    hasher.update(Buffer.from('lo'))

    expect(digestOf(Buffer.from('hello'))).toEqual({ hash: expected, sizeBytes: 5 })
    expect(hasher.digest()).toBe(expected)
    expect(emptyDigest('sha1').hash).toBe('da39a3ee5e6b4b0d3255bfef95601890afd80709')
  })

  test('says that BLAKE3 is not supported', () => {
    expect(() => createHasher('blake3')).toThrow(expect.objectContaining({ code: 'unsupported' }))
    expect(() => digestOf(Buffer.alloc(0), 'blake3')).toThrow(StorageError)
  })
})

describe('StorageError.is', () => {
  test('recognises errors of another copy of the package, by code', () => {
    const foreign = Object.assign(new Error('gone'), { name: 'StorageError', code: 'unavailable' })

    expect(StorageError.is(foreign)).toBe(true)
    expect(StorageError.is(foreign, 'unavailable')).toBe(true)
    expect(StorageError.is(foreign, 'corrupt')).toBe(false)
    expect(StorageError.is(new Error('plain'))).toBe(false)
    expect(StorageError.is({ name: 'StorageError', code: 'corrupt' })).toBe(false)
  })
})
