import type { Digest } from '@caskade/core'
import type { ReadDigest } from './digest-message.ts'
import { digestFieldBytes, readDigestMessage, writeDigestField } from './digest-message.ts'
import { MessageReader } from './message-reader.ts'

/** A `FindMissingBlobsRequest` (Remote Execution API), read by hand. */
export interface FindMissingRequest {
  readonly instanceName: string
  readonly blobDigests: readonly ReadDigest[]
  readonly digestFunction: number
}

/** The most digests that a request may name: more than fit in 8 MiB when they have hashes. */
export const MAX_DIGESTS = 130_000

/** Field 2 of `FindMissingBlobsResponse`, length-delimited. */
const MISSING_TAG = 0x12

/** Reads a request. Throws when it is malformed, or names too many digests. */
export function decodeFindMissingRequest(bytes: Buffer): FindMissingRequest {
  const reader = new MessageReader(bytes)
  let instanceName = ''
  let digestFunction = 0
  const blobDigests: ReadDigest[] = []
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === 0x12) {
      if (blobDigests.length === MAX_DIGESTS) throw new RangeError(`it names more than ${MAX_DIGESTS} digests`)
      blobDigests.push(readDigestMessage(reader))
    } else if (tag === 0x0a) instanceName = reader.string()
    else if (tag === 0x18) digestFunction = reader.int32()
    else reader.skip(tag)
  }
  return { instanceName, blobDigests, digestFunction }
}

/** Writes a `FindMissingBlobsResponse`. */
export function encodeFindMissingResponse(missing: readonly Digest[]): Uint8Array {
  let length = 0
  for (const digest of missing) length += digestFieldBytes(digest)
  const target = Buffer.allocUnsafe(length)
  let at = 0
  for (const digest of missing) at = writeDigestField(target, at, MISSING_TAG, digest)
  return target
}
