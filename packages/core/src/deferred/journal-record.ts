import { crc32 } from 'node:zlib'
import type { ActionKey } from '../action-cache-abc.ts'
import type { Digest } from '../digest.ts'

/** A blob that waits; its content follows the header, or is in a file of its own. */
export interface BlobHeader {
  readonly type: 'blob'
  readonly id: number
  readonly digest: Digest
  readonly isFile: boolean
  /** When it was accepted, in milliseconds since 1970. */
  readonly acceptedAt: number
}

/** An action-cache entry that waits; its value follows the header. */
export interface EntryHeader {
  readonly type: 'entry'
  readonly id: number
  readonly key: ActionKey
  readonly references: readonly Digest[]
  readonly metadata: Readonly<Record<string, string>>
  readonly ifAbsent: boolean
  /** When it was accepted, in milliseconds since 1970. */
  readonly acceptedAt: number
}

/** Says that earlier records are settled: they arrived, or are no longer wanted. */
interface DoneHeader {
  readonly type: 'done'
  readonly ids: readonly number[]
}

/** The first record of every segment. */
interface FormatHeader {
  readonly type: 'format'
  readonly version: number
}

export type RecordHeader = BlobHeader | EntryHeader | DoneHeader | FormatHeader

/** A record as it was found in a segment. */
export interface FoundRecord {
  readonly header: RecordHeader
  /** Where its content begins in the segment, in bytes. */
  readonly contentOffset: number
  readonly contentLength: number
  /** The CRC-32 of the content. */
  readonly checksum: number
  /** What the whole record takes of the segment, in bytes. */
  readonly recordBytes: number
}

/** A record as it is written. */
export interface EncodedRecord {
  readonly bytes: readonly Uint8Array[]
  readonly byteLength: number
  /** Where in the record its content begins, in bytes. */
  readonly contentOffset: number
  /** The CRC-32 of the content. */
  readonly checksum: number
}

/** The version of the format that this code writes, and the newest that it reads. */
export const FORMAT_VERSION = 1

/** Length of header and content, length of the header, and checksum of header and content: 32 bits each, little-endian. */
const PREFIX_BYTES = 12

const NO_CONTENT = new Uint8Array(0)

/** Encodes a record: prefix, header as JSON, content. */
export function encodeRecord(header: RecordHeader, content: Uint8Array = NO_CONTENT): EncodedRecord {
  const encoded = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(PREFIX_BYTES)
  const payloadLength = encoded.byteLength + content.byteLength
  prefix.writeUInt32LE(payloadLength, 0)
  prefix.writeUInt32LE(encoded.byteLength, 4)
  prefix.writeUInt32LE(crc32(content, crc32(encoded)), 8)
  return {
    bytes: [prefix, encoded, content],
    byteLength: PREFIX_BYTES + payloadLength,
    contentOffset: PREFIX_BYTES + encoded.byteLength,
    checksum: crc32(content),
  }
}

/** Decodes the records of a segment, up to the first that is not whole: it was being written when its writer ended. */
export function* decodeRecords(segment: Buffer): Generator<FoundRecord, void, undefined> {
  let at = 0
  while (at + PREFIX_BYTES <= segment.byteLength) {
    const payloadLength = segment.readUInt32LE(at)
    const headerLength = segment.readUInt32LE(at + 4)
    const start = at + PREFIX_BYTES
    const end = start + payloadLength
    if (headerLength === 0 || headerLength > payloadLength || end > segment.byteLength) return
    if (crc32(segment.subarray(start, end)) !== segment.readUInt32LE(at + 8)) return
    const header = JSON.parse(segment.toString('utf8', start, start + headerLength)) as RecordHeader
    const contentOffset = start + headerLength
    const checksum = crc32(segment.subarray(contentOffset, end))
    yield { header, contentOffset, contentLength: end - contentOffset, checksum, recordBytes: end - at }
    at = end
  }
}
