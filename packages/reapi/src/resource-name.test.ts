import { describe, expect, test } from 'vitest'
import { formatReadName, formatWriteName, parseReadName, parseWriteName } from './index.ts'

const hash = 'a'.repeat(64)

describe('parseReadName', () => {
  test.each([
    [`blobs/${hash}/12`, '', 'identity', undefined],
    [`main/blobs/${hash}/12`, 'main', 'identity', undefined],
    [`a/b/c/blobs/${hash}/12`, 'a/b/c', 'identity', undefined],
    [`/blobs/${hash}/12`, '', 'identity', undefined],
    [`m/compressed-blobs/zstd/${hash}/12`, 'm', 'zstd', undefined],
    [`compressed-blobs/identity/${hash}/12`, '', 'identity', undefined],
    [`blobs/blake3/${hash}/12`, '', 'identity', 'blake3'],
    [`m/compressed-blobs/zstd/blake3/${hash}/12`, 'm', 'zstd', 'blake3'],
    [`blobs/sha256/${hash}/12`, '', 'identity', undefined],
  ])('reads %s', (name, instanceName, compressor, digestFunction) => {
    const resource = parseReadName(name)

    expect(resource.instanceName).toBe(instanceName)
    expect(resource.compressor).toBe(compressor)
    expect(resource.digest).toEqual({ hash, sizeBytes: 12, ...(digestFunction && { digestFunction }) })
  })

  test.each([
    [40, 'sha1'],
    [96, 'sha384'],
    [128, 'sha512'],
  ])('tells the function of a hash of %i characters', (length, digestFunction) => {
    expect(parseReadName(`blobs/${'b'.repeat(length)}/1`).digest.digestFunction).toBe(digestFunction)
  })

  test.each([
    '',
    'blobs',
    `blobs/${hash}`,
    `blobs/${hash}/`,
    `blobs/${hash}/-1`,
    `blobs/${hash}/+1`,
    `blobs/${hash}/1.5`,
    `blobs/${hash}/0x10`,
    `blobs/${hash}/007`,
    `blobs/${hash}/9007199254740993`,
    `blobs/${hash}/12/extra`,
    `blobs/${hash.toUpperCase()}/12`,
    `blobs/md5/${'a'.repeat(32)}/12`,
    `blobs/sha1/${hash}/12`,
    `compressed-blobs/${hash}/12`,
    `compressed-blobs/deflate/${hash}/12`,
    `uploads/1/blobs/${hash}/12`,
    `operations/blobs/${hash}/12`,
    `no/keyword/${hash}/12`,
  ])('refuses %j', (name) => {
    expect(() => parseReadName(name)).toThrow(expect.objectContaining({ codeName: 'INVALID_ARGUMENT' }))
  })
})

describe('parseWriteName', () => {
  test('reads instance, uuid and blob, and ignores what follows the size', () => {
    const name = `a/b/uploads/some-uuid/compressed-blobs/zstd/${hash}/12/path/of/file`

    expect(parseWriteName(name)).toEqual({
      instanceName: 'a/b',
      uuid: 'some-uuid',
      compressor: 'zstd',
      digest: { hash, sizeBytes: 12 },
    })
  })

  test.each([
    `blobs/${hash}/12`,
    `uploads//blobs/${hash}/12`,
    `uploads/1/${hash}/12`,
    'uploads',
    'uploads/1',
    'x/uploads/1/blobs',
  ])('refuses %j', (name) => {
    expect(() => parseWriteName(name)).toThrow(expect.objectContaining({ codeName: 'INVALID_ARGUMENT' }))
  })
})

test('what is written is what is read', () => {
  for (const instanceName of ['', 'main', 'a/b']) {
    for (const compressor of ['identity', 'zstd'] as const) {
      for (const digest of [{ hash, sizeBytes: 0 }, { hash, sizeBytes: 7, digestFunction: 'blake3' } as const]) {
        const blob = { instanceName, compressor, digest }
        expect(parseReadName(formatReadName(blob))).toEqual(blob)
        expect(parseWriteName(formatWriteName({ ...blob, uuid: 'u' }))).toEqual({ ...blob, uuid: 'u' })
      }
    }
  }
})
