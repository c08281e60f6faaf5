import type { EncodedMessage } from '@caskade/grpc'
import { MessageReader } from './hot/message-reader.ts'
import { varintBytes, writeVarint } from './hot/varint.ts'

/** Field 10 of both messages, length-delimited. */
const DATA_TAG = 0x52

const NOTHING = Buffer.alloc(0)

/** One message of `ByteStream.Write`, read by hand: its data is not copied, and offsets are plain numbers. */
export interface WriteRequestMessage {
  readonly resourceName: string
  /** NaN when it is not a safe non-negative integer. */
  readonly writeOffset: number
  readonly finishWrite: boolean
  readonly data: Buffer
}

/** Reads a `google.bytestream.WriteRequest`. Throws when it is malformed. */
export function decodeWriteRequest(bytes: Buffer): WriteRequestMessage {
  const reader = new MessageReader(bytes)
  let resourceName = ''
  let writeOffset = 0
  let finishWrite = false
  let data: Buffer = NOTHING
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === DATA_TAG) data = reader.bytes()
    else if (tag === 0x10) writeOffset = toOffset(reader.int64())
    else if (tag === 0x18) finishWrite = reader.int64() !== 0
    else if (tag === 0x0a) resourceName = reader.string()
    else reader.skip(tag)
  }
  return { resourceName, writeOffset, finishWrite, data }
}

/** Writes a `google.bytestream.ReadResponse`: a few bytes before the data, and the data itself as it is. */
export function encodeReadResponse(data: Uint8Array): EncodedMessage {
  const head = Buffer.allocUnsafe(1 + varintBytes(data.byteLength))
  head[0] = DATA_TAG
  writeVarint(head, 1, data.byteLength)
  return [head, data]
}

function toOffset(offset: number): number {
  return Number.isSafeInteger(offset) && offset >= 0 ? offset : Number.NaN
}
