import { expect, test } from 'vitest'
import { BatchMemory } from './batch-memory.ts'

const MIB = 1024 ** 2

test('parts of a batch do not overlap, and what exceeds it is new', () => {
  const buffers = new BatchMemory().lend(MIB)

  const [first, second, third] = [MIB / 4, MIB / 2, MIB / 2].map((sizeBytes) => buffers?.take(sizeBytes))

  expect([first, second, third].map((part) => part?.byteLength)).toEqual([MIB / 4, MIB / 2, MIB / 2])
  expect(second?.buffer).toBe(first?.buffer)
  expect(second?.byteOffset).toBe(MIB / 4)
  expect(third?.buffer).not.toBe(first?.buffer)
})

test('memory is lent again once it was given back, to batches of its size', () => {
  const memory = new BatchMemory()
  const [first, second] = [memory.lend(MIB), memory.lend(MIB - 1000)]
  const [one, other] = [first?.take(1).buffer, second?.take(1).buffer]
  expect(one).not.toBe(other)

  first?.giveBack()

  expect(memory.lend(2 * MIB)?.take(1).buffer).not.toBe(one)
  expect(memory.lend(MIB)?.take(1).buffer).toBe(one)
  expect(memory.lend(MIB)?.take(1).buffer).not.toBe(one)
})

test('memory that was given back is not lent to whoever had it, nor given back twice', () => {
  const memory = new BatchMemory()
  const buffers = memory.lend(MIB)
  const first = buffers?.take(1).buffer

  buffers?.giveBack()
  buffers?.giveBack()

  expect(buffers?.take(1).buffer).not.toBe(first)
  expect(memory.lend(MIB)?.take(1).buffer).toBe(first)
  expect(memory.lend(MIB)?.take(1).buffer).not.toBe(first)
})

test('memory that somebody may still write to is not lent again', () => {
  const memory = new BatchMemory()
  const buffers = memory.lend(MIB)
  const first = buffers?.take(1).buffer

  buffers?.abandon()
  buffers?.giveBack()

  expect(memory.lend(MIB)?.take(1).buffer).not.toBe(first)
})

test('no more is kept than a bound, and none for few bytes', () => {
  const memory = new BatchMemory()
  const many = Array.from({ length: 20 }, () => memory.lend(4 * MIB))
  const before = new Set(many.map((buffers) => buffers?.take(1).buffer))
  for (const buffers of many) buffers?.giveBack()

  const after = many.map(() => memory.lend(4 * MIB)?.take(1).buffer)

  expect(after.filter((buffer) => before.has(buffer))).toHaveLength(8)
  expect(memory.lend(1000)).toBe(undefined)
})
