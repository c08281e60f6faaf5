import { randomBytes } from 'node:crypto'
import type { Digest, Status } from '@caskade/core'
import { digestOf } from '@caskade/core'
import { StatusCode } from '@caskade/grpc'
import { describe, expect, test } from 'vitest'
import { answerBatchRead } from './batch-read-response.ts'
import type { BatchReadItem } from './hot/batch-read-messages.ts'
import { encodeBatchReadResponse } from './hot/batch-read-messages.ts'

const maxBytes = 1_000_000

function encodedBytes(responses: readonly BatchReadItem[]): number {
  return [encodeBatchReadResponse(responses)].flat().reduce((sum, { byteLength }) => sum + byteLength, 0)
}

/** Blobs of some bytes each, with what was read of them. */
function blobs(count: number, sizeBytes: number): [Digest[], Map<string, Uint8Array | Status>] {
  const contents = Array.from({ length: count }, () => randomBytes(sizeBytes))
  const digests = contents.map((bytes) => digestOf(bytes))
  return [digests, new Map(contents.map((bytes, index) => [digests[index]?.hash ?? '', bytes]))]
}

describe('answerBatchRead', () => {
  test.each([
    [9000, 10],
    [9000, 60],
    [500, 1990],
    [3, 400_000],
  ])('%i blobs of %i bytes stay within the limit, as many of them as possible answered', async (count, sizeBytes) => {
    const [digests, outcomes] = blobs(count, sizeBytes)

    const items = await answerBatchRead(digests, outcomes, { maxBytes, isZstdAccepted: false })

    const answered = items.filter(({ status }) => status.code === StatusCode.OK)
    const refused = items.filter(({ status }) => status.code === StatusCode.RESOURCE_EXHAUSTED)
    expect(encodedBytes(items)).toBeLessThanOrEqual(maxBytes)
    expect(answered.length + refused.length).toBe(count)
    // Nothing is refused while there is room for more.
    const wouldComeTo = refused.length === 0 ? maxBytes : encodedBytes(items) + 2 * sizeBytes + 40 * count
    expect(wouldComeTo).toBeGreaterThanOrEqual(maxBytes)
  })

  test('statuses lose their message before they exceed the limit', async () => {
    const [digests] = blobs(10_000, 10)

    const items = await answerBatchRead(digests, new Map(), { maxBytes, isZstdAccepted: false })

    expect(encodedBytes(items)).toBeLessThanOrEqual(maxBytes)
    expect(items.every(({ status }) => status.code === StatusCode.NOT_FOUND)).toBe(true)
  })

  test('more blobs than can be answered at all are INVALID_ARGUMENT', async () => {
    const [digests, outcomes] = blobs(11_000, 1)

    const answering = answerBatchRead(digests, outcomes, { maxBytes, isZstdAccepted: false })

    await expect(answering).rejects.toMatchObject({ codeName: 'INVALID_ARGUMENT' })
  })
})
