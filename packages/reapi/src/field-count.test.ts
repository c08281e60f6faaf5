import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { countFields } from './field-count.ts'
import { FindMissingBlobsRequestSchema, TreeSchema } from './messages.ts'

describe('countFields', () => {
  test('counts every field, however deep it is', () => {
    const blobDigests = Array.from({ length: 5 }, () => ({ hash: 'abc', sizeBytes: 7n }))
    const request = create(FindMissingBlobsRequestSchema, { instanceName: 'main', blobDigests })
    const files = [{ name: 'a', digest: { hash: 'abc', sizeBytes: 7n } }]
    const tree = create(TreeSchema, { root: { files }, children: [{ files }, {}] })

    expect(countFields(FindMissingBlobsRequestSchema, toBinary(FindMissingBlobsRequestSchema, request), 1000)).toBe(16)
    expect(countFields(TreeSchema, toBinary(TreeSchema, tree), 1000)).toBe(13)
  })

  test('stops soon after the limit', () => {
    const bytes = Buffer.alloc(2_000_000).map((_, index) => (index % 2 === 0 ? 0x12 : 0))

    expect(countFields(TreeSchema, bytes, 10)).toBe(11)
  })

  test('counts fields that the schema does not know', () => {
    expect(countFields(TreeSchema, Buffer.from([0x78, 1, 0x78, 2, 0x7a, 1, 0]), 10)).toBe(3)
  })

  test.each([
    ['cut off', [0x12, 50, 1]],
    ['garbage', Array.from({ length: 20 }, () => 0xff)],
    ['a field number of zero', [0, 0]],
  ])('leaves what is malformed to the decoder: %s', (_, bytes) => {
    expect(countFields(TreeSchema, Uint8Array.from(bytes), 10)).toBeLessThanOrEqual(10)
  })
})
