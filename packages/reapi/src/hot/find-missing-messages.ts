import type { Digest } from '@caskade/core'
import { DigestFields } from './digest-fields.ts'
import { digestFieldBytes, writeDigestField } from './digest-message.ts'
import { MessageReader } from './message-reader.ts'

/** A `FindMissingBlobsRequest` (Remote Execution API), read by hand. */
export interface FindMissingRequest {
  readonly instanceName: string
  readonly blobDigests: DigestFields
  readonly digestFunction: number
}

/** What is missing of what was asked for. */
export interface FindMissingResponse {
  readonly asked: DigestFields
  /** The same, read. */
  readonly digests: readonly Digest[]
  /** Some of `digests`, in that order. */
  readonly missing: readonly Digest[]
}

/** The most digests that a request may name: more than fit in 8 MiB when they have hashes. */
export const MAX_DIGESTS = 130_000

/** Field 2 of `FindMissingBlobsRequest` and of `FindMissingBlobsResponse`, length-delimited. */
const DIGESTS_TAG = 0x12

/** Reads a request. Throws when it is malformed, or names too many digests. */
export function decodeFindMissingRequest(bytes: Buffer): FindMissingRequest {
  const reader = new MessageReader(bytes)
  let instanceName = ''
  let digestFunction = 0
  const blobDigests = new DigestFields(bytes)
  while (!reader.isAtEnd) {
    const start = reader.position
    const tag = reader.tag()
    if (tag === DIGESTS_TAG) {
      if (blobDigests.count === MAX_DIGESTS) throw new RangeError(`it names more than ${MAX_DIGESTS} digests`)
      blobDigests.add(reader, start)
    } else if (tag === 0x0a) instanceName = reader.string()
    else if (tag === 0x18) digestFunction = reader.int32()
    else reader.skip(tag)
  }
  return { instanceName, blobDigests, digestFunction }
}

/** Writes a `FindMissingBlobsResponse`. The digests have the same field as in the request, and are copied from there. */
export function encodeFindMissingResponse({ asked, digests, missing }: FindMissingResponse): Uint8Array {
  const places: number[] = []
  let length = 0
  for (let index = 0; index < digests.length && places.length < missing.length; index += 1) {
    if (digests[index] !== missing[places.length]) continue
    places.push(index)
    length += asked.fieldBytes(index)
  }
  // A storage may have digests of its own.
  if (places.length < missing.length) return encodeDigests(missing)
  const target = Buffer.allocUnsafe(length)
  let at = 0
  for (const index of places) at = asked.copyField(index, target, at)
  return target
}

function encodeDigests(digests: readonly Digest[]): Uint8Array {
  let length = 0
  for (const digest of digests) length += digestFieldBytes(digest)
  const target = Buffer.allocUnsafe(length)
  let at = 0
  for (const digest of digests) at = writeDigestField(target, at, DIGESTS_TAG, digest)
  return target
}
