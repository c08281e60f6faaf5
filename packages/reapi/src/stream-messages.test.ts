import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { ReadResponseSchema, WriteRequestSchema } from './messages.ts'
import { decodeWriteRequest, encodeReadResponse } from './stream-messages.ts'

describe('the messages written by hand are those of the generated code', () => {
  test.each([
    {},
    { resourceName: 'uploads/1/blobs/x/1' },
    { resourceName: 'ünïcode', writeOffset: 12n, finishWrite: true, data: Buffer.from('data') },
    { writeOffset: 5_000_000_000n, data: Buffer.alloc(70_000, 7) },
    { writeOffset: 2n ** 53n - 1n },
  ])('WriteRequest %#', (init) => {
    const message = create(WriteRequestSchema, init)

    const decoded = decodeWriteRequest(Buffer.from(toBinary(WriteRequestSchema, message)))

    expect(decoded.resourceName).toBe(message.resourceName)
    expect(decoded.writeOffset).toBe(Number(message.writeOffset))
    expect(decoded.finishWrite).toBe(message.finishWrite)
    expect(decoded.data.equals(message.data)).toBe(true)
  })

  test.each([-1n, 2n ** 53n, 2n ** 63n - 1n])('a write offset of %s is not a number to go by', (writeOffset) => {
    const bytes = toBinary(WriteRequestSchema, create(WriteRequestSchema, { writeOffset }))

    expect(decodeWriteRequest(Buffer.from(bytes)).writeOffset).toBeNaN()
  })

  test('WriteRequest: unknown fields are skipped, repeated ones count last', () => {
    const unknown = Buffer.from([0x7a, 3, 1, 2, 3, 0x18, 1, 0x18, 0])

    expect(decodeWriteRequest(unknown).finishWrite).toBe(false)
  })

  test('WriteRequest: a cut-off message is refused', () => {
    const bytes = Buffer.from(toBinary(WriteRequestSchema, create(WriteRequestSchema, { data: Buffer.alloc(100) })))

    for (const length of [1, 2, 50, bytes.byteLength - 1]) {
      expect(() => decodeWriteRequest(bytes.subarray(0, length))).toThrow(Error)
    }
  })

  test('WriteRequest: the data is not copied', () => {
    const bytes = Buffer.from(toBinary(WriteRequestSchema, create(WriteRequestSchema, { data: Buffer.alloc(100) })))

    expect(decodeWriteRequest(bytes).data.buffer).toBe(bytes.buffer)
  })

  test.each([0, 1, 127, 128, 16_383, 16_384, 300_000, 3_000_000])('ReadResponse of %i bytes', (size) => {
    const data = Buffer.alloc(size, 'x')

    const encoded = encodeReadResponse(data)

    const bytes = encoded instanceof Uint8Array ? encoded : Buffer.concat(encoded)
    expect(data.equals(fromBinary(ReadResponseSchema, bytes).data)).toBe(true)
  })
})
