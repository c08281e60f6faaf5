import { digestOf } from '@caskade/core'
import { expect, test } from 'vitest'
import { BlobSeries } from './blob-series.ts'
import { FreshBlobs } from './fresh-blobs.ts'

const series = new BlobSeries(1)

test('any blob can be made again by its number alone, and is another for another seed', () => {
  const blob = new BlobSeries(1).blob(4_999_999)

  expect(series.blob(4_999_999)).toEqual(blob)
  expect(blob.digest).toEqual(digestOf(blob.bytes))
  expect(new BlobSeries(2).digest(4_999_999).hash).not.toBe(blob.digest.hash)
})

test('no two blobs of a series are the same', () => {
  const hashes = Array.from({ length: 20_000 }, (_, number) => series.digest(number).hash)

  expect(new Set(hashes).size).toBe(20_000)
})

test('sizes are distributed log-normally around 1 KiB', () => {
  const sizes = Array.from({ length: 20_000 }, (_, number) => series.blob(number).bytes.byteLength)
  const shareUpTo = (bytes: number): number => sizes.filter((size) => size <= bytes).length / sizes.length

  expect(shareUpTo(1024)).toBeCloseTo(0.5, 1)
  expect(shareUpTo(1024 * Math.exp(-0.5))).toBeCloseTo(0.16, 1)
  expect(shareUpTo(1024 * Math.exp(0.5))).toBeCloseTo(0.84, 1)
})

test('an action has its own first output, and others that were stored before it', () => {
  const stored = new Set(Array.from({ length: 151 }, (_, number) => series.digest(number).hash))

  const { action, outputs, log } = series.outcome(3)

  expect(outputs[0]?.digest).toEqual(series.digest(150))
  expect([...outputs, log].filter(({ digest }) => !stored.has(digest.hash))).toEqual([])
  expect(series.outcome(3).action).toEqual(action)
  expect(series.outcome(2).action.digest.hash).not.toBe(action.digest.hash)
})

test('blobs that are new differ from each other, and from those of runs before', () => {
  const earlier = new FreshBlobs(series, 1000)
  const later = new FreshBlobs(series, 1001)

  const blobs = [...earlier.take(10), ...earlier.take(10), ...later.take(10)]

  expect(new Set(blobs.map(({ digest }) => digest.hash)).size).toBe(30)
})
