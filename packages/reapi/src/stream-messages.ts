import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { EncodedMessage } from '@caskade/grpc'

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
  const reader = new BinaryReader(bytes)
  let resourceName = ''
  let writeOffset = 0
  let finishWrite = false
  let data = Buffer.alloc(0)
  while (reader.pos < bytes.byteLength) {
    const [field, wireType] = reader.tag()
    if (field === 1 && wireType === WireType.LengthDelimited) resourceName = reader.string()
    else if (field === 2 && wireType === WireType.Varint) writeOffset = toOffset(reader.int64())
    else if (field === 3 && wireType === WireType.Varint) finishWrite = reader.bool()
    else if (field === 10 && wireType === WireType.LengthDelimited) data = asBuffer(reader.bytes())
    else reader.skip(wireType, field)
  }
  return { resourceName, writeOffset, finishWrite, data }
}

/** Writes a `google.bytestream.ReadResponse`: a few bytes before the data, and the data itself as it is. */
export function encodeReadResponse(data: Uint8Array): EncodedMessage {
  // Field 10, length-delimited.
  const head = [0x52]
  let rest = data.byteLength
  while (rest > 0x7f) {
    head.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  head.push(rest)
  return [Uint8Array.from(head), data]
}

function toOffset(value: bigint | string): number {
  const offset = Number(value)
  return Number.isSafeInteger(offset) && offset >= 0 ? offset : Number.NaN
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}
