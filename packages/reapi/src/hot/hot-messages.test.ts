import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Digest } from '@caskade/core'
import { createDigest } from '@caskade/core'
import { describe, expect, test } from 'vitest'
import type { Compressor_Value, Digest as WireDigest, DigestFunction_Value } from '../messages.ts'
import {
  BatchReadBlobsRequestSchema,
  BatchReadBlobsResponse_ResponseSchema,
  BatchReadBlobsResponseSchema,
  BatchUpdateBlobsRequest_RequestSchema,
  BatchUpdateBlobsRequestSchema,
  BatchUpdateBlobsResponseSchema,
  DigestSchema,
  FindMissingBlobsRequestSchema,
  FindMissingBlobsResponseSchema,
} from '../messages.ts'
import { DigestReader } from '../digests.ts'
import { decodeBatchReadRequest, encodeBatchReadResponse } from './batch-read-messages.ts'
import { decodeBatchUpdateRequest, encodeBatchUpdateResponse } from './batch-update-messages.ts'
import type { DigestFields } from './digest-fields.ts'
import type { ReadDigest } from './digest-message.ts'
import { decodeFindMissingRequest, encodeFindMissingResponse, MAX_DIGESTS } from './find-missing-messages.ts'
import { Random } from './random.fixture.ts'

const ROUNDS = 300
const seed = Number(process.env['CASKADE_TEST_SEED'] ?? 20_261_127)
process.stdout.write(`hot messages: seed ${seed}\n`)

describe('what is read by hand is what the generated code reads', () => {
  test('FindMissingBlobsRequest', () => {
    const random = new Random(seed)
    for (let round = 0; round < ROUNDS; round += 1) {
      const message = create(FindMissingBlobsRequestSchema, {
        instanceName: random.text(),
        blobDigests: random.list(() => random.digest()),
        digestFunction: random.enumValue<DigestFunction_Value>(),
      })
      const bytes = random.scrambled(toBinary(FindMissingBlobsRequestSchema, message))

      const { instanceName, blobDigests, digestFunction } = fromBinary(FindMissingBlobsRequestSchema, bytes)

      const read = decodeFindMissingRequest(bytes)
      expect({ ...read, blobDigests: uncheckedDigests(read.blobDigests) }).toEqual({
        instanceName,
        blobDigests: blobDigests.map(plainDigest),
        digestFunction,
      })
    }
  })

  test('BatchReadBlobsRequest', () => {
    const random = new Random(seed)
    for (let round = 0; round < ROUNDS; round += 1) {
      const message = create(BatchReadBlobsRequestSchema, {
        instanceName: random.text(),
        digests: random.list(() => random.digest()),
        acceptableCompressors: random.list(() => random.enumValue<Compressor_Value>()),
        digestFunction: random.enumValue<DigestFunction_Value>(),
      })
      const bytes = random.scrambled(toBinary(BatchReadBlobsRequestSchema, message))

      const expected = fromBinary(BatchReadBlobsRequestSchema, bytes)

      expect(decodeBatchReadRequest(bytes)).toEqual({
        instanceName: expected.instanceName,
        digests: expected.digests.map(plainDigest),
        acceptableCompressors: expected.acceptableCompressors,
        digestFunction: expected.digestFunction,
      })
    }
  })

  test('compressors that are not packed', () => {
    const bytes = Buffer.from([0x18, 1, 0x12, 0, 0x18, 3])

    expect(decodeBatchReadRequest(bytes).acceptableCompressors).toEqual(
      fromBinary(BatchReadBlobsRequestSchema, bytes).acceptableCompressors,
    )
  })

  test('BatchUpdateBlobsRequest', () => {
    const random = new Random(seed)
    for (let round = 0; round < ROUNDS; round += 1) {
      const message = create(BatchUpdateBlobsRequestSchema, {
        instanceName: random.text(),
        requests: random.list(() =>
          create(BatchUpdateBlobsRequest_RequestSchema, {
            ...(random.below(5) > 0 && { digest: random.digest() }),
            data: random.bytes(random.below(40)),
            compressor: random.enumValue<Compressor_Value>(),
          }),
        ),
        digestFunction: random.enumValue<DigestFunction_Value>(),
      })
      const bytes = random.scrambled(toBinary(BatchUpdateBlobsRequestSchema, message))

      const expected = fromBinary(BatchUpdateBlobsRequestSchema, bytes)
      const { instanceName, requests, digestFunction } = decodeBatchUpdateRequest(bytes)

      expect({ instanceName, digestFunction }).toEqual({
        instanceName: expected.instanceName,
        digestFunction: expected.digestFunction,
      })
      expect(requests.map(({ digest, data, compressor }) => ({ digest, data: [...data], compressor }))).toEqual(
        expected.requests.map(({ digest, data, compressor }) => ({
          digest: digest && plainDigest(digest),
          data: [...data],
          compressor,
        })),
      )
    }
  })

  test.each([
    ['a number that is cut off', [0x18, 0x80]],
    ['a digest longer than the message', [0x12, 5, 0x0a, 1]],
    ['a hash longer than its digest', [0x12, 3, 0x0a, 9, 0x61, 0x18, 1, 0x18, 1, 0x18, 1]],
    ['a number of eleven bytes', [0x18, ...Array.from({ length: 10 }, () => 0xff), 1]],
    ['field number zero', [0x02, 0]],
    ['an unknown kind of field', [0x0f]],
    ['a group that does not end', [0x7b, 0x08, 1]],
    ['a group that did not begin', [0x7c]],
    ['more groups than end', [0x7b, 0x7b, 0x08, 1, 0x7c]],
  ])('%s is malformed for both', (_, bytes) => {
    const message = Buffer.from(bytes)

    expect(() => fromBinary(FindMissingBlobsRequestSchema, message)).toThrow(Error)
    expect(() => decodeFindMissingRequest(message)).toThrow(Error)
    expect(() => decodeBatchReadRequest(message)).toThrow(Error)
    expect(() => decodeBatchUpdateRequest(message)).toThrow(Error)
  })

  test('messages of nothing but empty digests are refused, and none of their objects made beyond the limit', () => {
    const bytes = Buffer.from('1200'.repeat(MAX_DIGESTS + 1), 'hex')

    expect(() => decodeFindMissingRequest(bytes)).toThrow('more than 130000 digests')
    expect(() => decodeBatchReadRequest(bytes)).toThrow('more than 130000 digests')
    expect(() => decodeBatchUpdateRequest(bytes)).toThrow('more than 130000 blobs')
    expect(decodeFindMissingRequest(bytes.subarray(2)).blobDigests.count).toBe(MAX_DIGESTS)
  })
})

describe('what is written by hand is what the generated code writes', () => {
  test.each([
    ['the digests that were asked for', (digest: Digest) => digest],
    ['others that are equal', (digest: Digest) => ({ ...digest })],
  ])('FindMissingBlobsResponse, from %s', async (_, answer) => {
    const random = new Random(seed)
    const reader = new DigestReader(['sha256', 'sha1', 'sha512'])
    for (let round = 0; round < ROUNDS; round += 1) {
      const blobDigests = random.list(() => wire(validDigest(random)))
      const message = create(FindMissingBlobsRequestSchema, { blobDigests })
      const bytes = random.scrambled(toBinary(FindMissingBlobsRequestSchema, message))
      const { blobDigests: asked } = decodeFindMissingRequest(bytes)
      const digests = await reader.readAll(asked, 0)
      const isMissing = digests.map(() => random.below(3) > 0)

      const missing = digests.filter((_digest, index) => isMissing[index]).map(answer)
      const encoded = encodeFindMissingResponse({ asked, digests, missing })

      const expected = create(FindMissingBlobsResponseSchema, {
        missingBlobDigests: blobDigests.filter((_digest, index) => isMissing[index]),
      })
      expect([...encoded]).toEqual([...toBinary(FindMissingBlobsResponseSchema, expected)])
      expect(digests).toEqual(blobDigests.map((digest) => reader.read(digest, 0)))
    }
  })

  test('FindMissingBlobsResponse, of more digests than are read at once', async () => {
    const random = new Random(seed)
    const blobDigests = Array.from({ length: 20_000 }, () => wire(validDigest(random)))
    const message = create(FindMissingBlobsRequestSchema, { blobDigests })
    const { blobDigests: asked } = decodeFindMissingRequest(
      Buffer.from(toBinary(FindMissingBlobsRequestSchema, message)),
    )

    const digests = await new DigestReader(['sha256', 'sha1', 'sha512']).readAll(asked, 0)

    const encoded = encodeFindMissingResponse({ asked, digests, missing: digests })
    const expected = create(FindMissingBlobsResponseSchema, { missingBlobDigests: blobDigests })
    expect(Buffer.compare(encoded, toBinary(FindMissingBlobsResponseSchema, expected))).toBe(0)
  })

  test('BatchReadBlobsResponse, with content of any size', () => {
    const random = new Random(seed)
    for (let round = 0; round < ROUNDS; round += 1) {
      const items = random.list(() => ({
        digest: validDigest(random),
        ...(random.below(4) > 0 && { data: random.bytes(random.pick([0, 1, 127, 128, 8191, 8192, 20_000])) }),
        ...(random.below(2) > 0 && { compressor: random.pick([0, 1, 2]) as Compressor_Value }),
        status: { code: random.pick([0, 5, 300]), ...(random.below(2) > 0 && { message: random.text() }) },
      }))

      const encoded = Buffer.concat([encodeBatchReadResponse(items)].flat())

      const responses = items.map(({ digest, compressor = 0, ...rest }) =>
        create(BatchReadBlobsResponse_ResponseSchema, { ...rest, compressor, digest: wire(digest) }),
      )
      const expected = toBinary(BatchReadBlobsResponseSchema, create(BatchReadBlobsResponseSchema, { responses }))
      // The generated code writes fields in the order of the schema, which has the status behind the compressor.
      expect(fromBinary(BatchReadBlobsResponseSchema, Uint8Array.from(encoded))).toEqual(
        fromBinary(BatchReadBlobsResponseSchema, expected),
      )
      expect(encoded.byteLength).toBe(expected.byteLength)
    }
  })

  test('large content is not copied', () => {
    const data = Buffer.alloc(100_000)
    const digest = createDigest('a'.repeat(64), data.byteLength)

    const parts = [encodeBatchReadResponse([{ digest, data, status: { code: 0 } }])].flat()

    expect(parts[1]).toBe(data)
    expect(parts).toHaveLength(3)
  })

  test('BatchUpdateBlobsResponse, whatever the digests are', () => {
    const random = new Random(seed)
    for (let round = 0; round < ROUNDS; round += 1) {
      const requests = random.list(() => (random.below(5) === 0 ? {} : { digest: random.digest() }))
      const bytes = toBinary(BatchUpdateBlobsRequestSchema, create(BatchUpdateBlobsRequestSchema, { requests }))
      const decoded = decodeBatchUpdateRequest(Buffer.from(bytes)).requests
      const statuses = decoded.map(() => ({ code: random.pick([0, 3, 300]), message: random.text() }))

      const answers = decoded.map(({ digest, digestBytes }, index) => ({
        digest,
        digestBytes,
        status: statuses[index] ?? { code: 0 },
      }))
      const encoded = encodeBatchUpdateResponse(answers)

      const responses = requests.map((request, index) => ({ ...request, status: statuses[index] ?? { code: 0 } }))
      const expected = create(BatchUpdateBlobsResponseSchema, { responses })
      expect([...encoded]).toEqual([...toBinary(BatchUpdateBlobsResponseSchema, expected)])
    }
  })
})

function validDigest(random: Random): Digest {
  const digestFunction = random.pick(['sha256', 'sha1', 'sha512'] as const)
  const length = { sha256: 64, sha1: 40, sha512: 128 }[digestFunction]
  return createDigest(
    random.hex(length),
    random.pick([0, 1, 127, 128, 2 ** 31, 2 ** 35 + 1, 2 ** 53 - 1]),
    digestFunction,
  )
}

function uncheckedDigests(fields: DigestFields): ReadDigest[] {
  return Array.from({ length: fields.count }, (_, index) => fields.unchecked(index))
}

function wire({ hash, sizeBytes }: Digest): WireDigest {
  return create(DigestSchema, { hash, sizeBytes: BigInt(sizeBytes) })
}

function plainDigest({ hash, sizeBytes }: { hash: string; sizeBytes: bigint }): { hash: string; sizeBytes: number } {
  return { hash, sizeBytes: Number(sizeBytes) }
}
