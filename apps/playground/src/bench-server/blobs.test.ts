import { zstdCompressSync } from 'node:zlib'
import { digestOf } from '@caskade/core'
import { expect, test } from 'vitest'
import { BlobMaker } from './blobs.ts'

test('blobs have their digests, and are the same for the same seed and label only', () => {
  const [first] = new BlobMaker(1).make('a', 1, 1000)
  const [again] = new BlobMaker(1).make('a', 1, 1000)
  const others = [new BlobMaker(2).make('a', 1, 1000), new BlobMaker(1).make('b', 1, 1000)].flat()

  expect(first?.digest).toEqual(digestOf(first?.bytes ?? Buffer.alloc(0)))
  expect(again).toEqual(first)
  expect(others.map(({ digest }) => digest.hash)).not.toContain(first?.digest.hash)
})

test('blobs compress to about a half', () => {
  const [blob] = new BlobMaker(1).make('a', 1, 1024 * 1024)

  const ratio = zstdCompressSync(blob?.bytes ?? Buffer.alloc(0)).byteLength / 1024 / 1024

  expect(ratio).toBeGreaterThan(0.45)
  expect(ratio).toBeLessThan(0.7)
})

test('even the smallest differ from each other, and are the same when they are asked for again', () => {
  const maker = new BlobMaker(1)

  const blobs = [...maker.make('a', 1000, 2), ...maker.make('b', 1000, 2)]

  expect(new Set(blobs.map(({ digest }) => digest.hash)).size).toBe(2000)
  expect(maker.make('a', 1000, 2)).toEqual(blobs.slice(0, 1000))
})
