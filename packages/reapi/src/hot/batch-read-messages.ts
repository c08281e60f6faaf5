import type { Digest } from '@caskade/core'
import type { EncodedMessage } from '@caskade/grpc'
import type { ReadDigest } from './digest-message.ts'
import { digestFieldBytes, readDigestMessage, writeDigestField } from './digest-message.ts'
import { MAX_DIGESTS } from './find-missing-messages.ts'
import { MessageReader } from './message-reader.ts'
import type { RpcStatus } from './rpc-status.ts'
import { statusFieldBytes, writeStatusField } from './rpc-status.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** A `BatchReadBlobsRequest` (Remote Execution API), read by hand. */
export interface BatchReadRequest {
  readonly instanceName: string
  readonly digests: readonly ReadDigest[]
  /** Numbers of `Compressor.Value`. */
  readonly acceptableCompressors: readonly number[]
  readonly digestFunction: number
}

/** One answer of a `BatchReadBlobsResponse`. */
export interface BatchReadItem {
  readonly digest: Digest
  readonly data?: Uint8Array
  /** A number of `Compressor.Value`. */
  readonly compressor?: number
  readonly status: RpcStatus
}

/** No client knows more compressors. */
const MAX_COMPRESSORS = 1000

/** Content from this size on is sent from where it is; less is copied behind what comes before, which costs less than a part. */
const PART_FROM_BYTES = 8 * 1024

/** Reads a request. Throws when it is malformed, or names too many digests. */
export function decodeBatchReadRequest(bytes: Buffer): BatchReadRequest {
  const reader = new MessageReader(bytes)
  let instanceName = ''
  let digestFunction = 0
  const digests: ReadDigest[] = []
  const acceptableCompressors: number[] = []
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === 0x12) {
      if (digests.length === MAX_DIGESTS) throw new RangeError(`it names more than ${MAX_DIGESTS} digests`)
      digests.push(readDigestMessage(reader))
    } else if (tag === 0x0a) instanceName = reader.string()
    else if (tag === 0x1a || tag === 0x18) {
      // Packed or one by one: a reader has to take both (Protocol Buffers, "Packed Repeated Fields").
      const end = tag === 0x1a ? reader.enter() : reader.position + 1
      while (reader.position < end) acceptableCompressors.push(reader.int32())
      if (acceptableCompressors.length > MAX_COMPRESSORS) throw new RangeError('it names too many compressors')
    } else if (tag === 0x20) digestFunction = reader.int32()
    else reader.skip(tag)
  }
  return { instanceName, digests, acceptableCompressors, digestFunction }
}

/** Writes a `BatchReadBlobsResponse`, in which large blobs are parts of their own: they are not copied. */
export function encodeBatchReadResponse(items: readonly BatchReadItem[]): EncodedMessage {
  const lengths = items.map(itemBytes)
  const target = Buffer.allocUnsafe(
    items.reduce((sum, item, index) => sum + bytesWritten(item, lengths[index] ?? 0), 0),
  )
  const parts: Uint8Array[] = []
  let partStart = 0
  let at = 0
  for (const [index, { digest, data, compressor = 0, status }] of items.entries()) {
    target[at] = 0x0a
    at = writeVarint(target, at + 1, lengths[index] ?? 0)
    at = writeDigestField(target, at, 0x0a, digest)
    if (data !== undefined && data.byteLength > 0) {
      target[at] = 0x12
      at = writeVarint(target, at + 1, data.byteLength)
      if (isPart(data)) {
        parts.push(target.subarray(partStart, at), data)
        partStart = at
      } else {
        target.set(data, at)
        at += data.byteLength
      }
    }
    at = writeStatusField(target, at, 0x1a, status)
    if (compressor !== 0) {
      target[at] = 0x20
      at = writeVarint(target, at + 1, compressor)
    }
  }
  if (at > partStart) parts.push(target.subarray(partStart, at))
  return parts
}

/** What an item takes, without its tag and the length in front of it, in bytes. */
function itemBytes({ digest, data, compressor = 0, status }: BatchReadItem): number {
  const length = data?.byteLength ?? 0
  const dataBytes = length === 0 ? 0 : 1 + varintBytes(length) + length
  return (
    digestFieldBytes(digest) +
    dataBytes +
    statusFieldBytes(status) +
    (compressor === 0 ? 0 : 1 + varintBytes(compressor))
  )
}

/** What of an item is written to the buffer, in bytes. */
function bytesWritten({ data }: BatchReadItem, length: number): number {
  return 1 + varintBytes(length) + length - (data !== undefined && isPart(data) ? data.byteLength : 0)
}

function isPart({ byteLength }: Uint8Array): boolean {
  return byteLength >= PART_FROM_BYTES
}
