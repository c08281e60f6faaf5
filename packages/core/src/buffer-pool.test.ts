import { expect, test } from 'vitest'
import { BufferPool } from './buffer-pool.ts'

const CHUNK_BYTES = 256 * 1024

test('a buffer that was given back is used again, in whatever length; one that was not is nobody else’s', () => {
  const pool = new BufferPool()
  const [first, second] = [pool.take(CHUNK_BYTES), pool.take(CHUNK_BYTES)]

  pool.giveBack(first.subarray(0, 10))
  const again = pool.take(100_000)

  expect(again.buffer).toBe(first.buffer)
  expect(again.byteLength).toBe(100_000)
  expect(pool.take(CHUNK_BYTES).buffer).not.toBe(second.buffer)
})

test('a buffer that is given back twice is lent once', () => {
  const pool = new BufferPool()
  const buffer = pool.take(CHUNK_BYTES)

  pool.giveBack(buffer)
  pool.giveBack(buffer)

  expect(pool.take(CHUNK_BYTES).buffer).toBe(buffer.buffer)
  expect(pool.take(CHUNK_BYTES).buffer).not.toBe(buffer.buffer)
})

test('buffers of others, and of sizes that are not kept, are left alone', () => {
  const pool = new BufferPool()
  const foreign = Buffer.alloc(CHUNK_BYTES)
  const others = [foreign, pool.take(1000), pool.take(10_000_000)]

  for (const buffer of others) pool.giveBack(buffer)

  for (const { byteLength, buffer } of others) expect(pool.take(byteLength).buffer).not.toBe(buffer)
})

test('what is kept is bounded', () => {
  const pool = new BufferPool()
  const many = Array.from({ length: 300 }, () => pool.take(20_000))

  for (const buffer of many) pool.giveBack(buffer)

  const known = new Set(many.map(({ buffer }) => buffer))
  const again = many.map(() => pool.take(20_000))
  expect(again.filter(({ buffer }) => known.has(buffer))).toHaveLength(128)
})
