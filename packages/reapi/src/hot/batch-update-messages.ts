import type { ReadDigest } from './digest-message.ts'
import { readDigestMessage } from './digest-message.ts'
import { MAX_DIGESTS } from './find-missing-messages.ts'
import { MessageReader } from './message-reader.ts'
import type { RpcStatus } from './rpc-status.ts'
import { statusFieldBytes, writeStatusField } from './rpc-status.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** A `BatchUpdateBlobsRequest` (Remote Execution API), read by hand. */
export interface BatchUpdateRequest {
  readonly instanceName: string
  readonly requests: readonly BatchUpdateItem[]
  readonly digestFunction: number
}

/** One blob of a request. */
export interface BatchUpdateItem {
  readonly digest: ReadDigest | undefined
  /** The digest as it was written; empty when there is none. */
  readonly digestBytes: Buffer
  /** Shares memory with the request. */
  readonly data: Buffer
  /** A number of `Compressor.Value`. */
  readonly compressor: number
}

/** What became of one blob. */
export interface BatchUpdateAnswer extends Pick<BatchUpdateItem, 'digest' | 'digestBytes'> {
  readonly status: RpcStatus
}

const NOTHING = Buffer.alloc(0)

/** Reads a request. Throws when it is malformed, or has too many blobs. */
export function decodeBatchUpdateRequest(bytes: Buffer): BatchUpdateRequest {
  const reader = new MessageReader(bytes)
  let instanceName = ''
  let digestFunction = 0
  const requests: BatchUpdateItem[] = []
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === 0x12) {
      if (requests.length === MAX_DIGESTS) throw new RangeError(`it has more than ${MAX_DIGESTS} blobs`)
      requests.push(readItem(reader))
    } else if (tag === 0x0a) instanceName = reader.string()
    else if (tag === 0x28) digestFunction = reader.int32()
    else reader.skip(tag)
  }
  return { instanceName, requests, digestFunction }
}

function readItem(reader: MessageReader): BatchUpdateItem {
  const end = reader.enter()
  let digest: ReadDigest | undefined
  let digestBytes: Buffer = NOTHING
  let data: Buffer = NOTHING
  let compressor = 0
  while (reader.position < end) {
    const tag = reader.tag()
    if (tag === 0x0a) {
      const bytes = reader.peekBytes()
      // Written twice, it is both (Protocol Buffers, "Last One Wins"), and so are its bytes one after the other.
      digestBytes = digest === undefined ? bytes : Buffer.concat([digestBytes, bytes])
      digest = readDigestMessage(reader, digest)
    } else if (tag === 0x12) data = reader.bytes()
    else if (tag === 0x18) compressor = reader.int32()
    else reader.skip(tag)
  }
  if (reader.position > end) throw new RangeError('a blob ends within a field')
  return { digest, digestBytes, data, compressor }
}

/** Writes a `BatchUpdateBlobsResponse`; digests go back as they came. */
export function encodeBatchUpdateResponse(answers: readonly BatchUpdateAnswer[]): Uint8Array {
  const lengths = answers.map(answerBytes)
  const target = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 1 + varintBytes(length) + length, 0))
  let at = 0
  for (const [index, { digest, digestBytes, status }] of answers.entries()) {
    target[at] = 0x0a
    at = writeVarint(target, at + 1, lengths[index] ?? 0)
    if (digest !== undefined) {
      target[at] = 0x0a
      at = writeVarint(target, at + 1, digestBytes.byteLength)
      at += digestBytes.copy(target, at)
    }
    at = writeStatusField(target, at, 0x12, status)
  }
  return target
}

function answerBytes({ digest, digestBytes, status }: BatchUpdateAnswer): number {
  const digestField = digest === undefined ? 0 : 1 + varintBytes(digestBytes.byteLength) + digestBytes.byteLength
  return digestField + statusFieldBytes(status)
}
