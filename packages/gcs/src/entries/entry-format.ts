import { createHash } from 'node:crypto'
import type { ActionCacheEntry, ActionCacheRecord, ActionKey, Digest, DigestFunction } from '@caskade/core'
import { createDigest, StorageError } from '@caskade/core'

/** What every entry begins with, so that nothing else passes for one. */
const MAGIC = Buffer.from('CSKE')

/** Goes up with every change of the format that an older version would misread. */
const VERSION = 1

const CHECKSUM_BYTES = 32
const HEADER_AT = MAGIC.byteLength + 1 + 4

interface Header {
  readonly namespace: string
  readonly key: string
  readonly metadata: Readonly<Record<string, string>>
  /** Function, hash and size, one after the other. */
  readonly references: readonly (readonly [string, string, number])[]
}

/** What the content of an object turned out to be. */
export type DecodedEntry =
  | { readonly kind: 'record'; readonly record: ActionCacheRecord }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string }

/**
 * Writes an entry with its key: magic, version, length of the header, header as JSON, value, SHA-256 of all that. Objects
 * of this format are in buckets: what was once written must always be read.
 */
export function encodeEntry({ namespace, key }: ActionKey, { bytes, references, metadata }: ActionCacheEntry): Buffer {
  const header: Header = {
    namespace,
    key,
    metadata,
    references: references.map(({ digestFunction = 'sha256', hash, sizeBytes }) => [digestFunction, hash, sizeBytes]),
  }
  const json = Buffer.from(JSON.stringify(header))
  const content = Buffer.alloc(HEADER_AT + json.byteLength + bytes.byteLength + CHECKSUM_BYTES)
  MAGIC.copy(content)
  content[MAGIC.byteLength] = VERSION
  content.writeUInt32BE(json.byteLength, MAGIC.byteLength + 1)
  json.copy(content, HEADER_AT)
  content.set(bytes, HEADER_AT + json.byteLength)
  checksumOf(content).copy(content, content.byteLength - CHECKSUM_BYTES)
  return content
}

/** Reads what {@link encodeEntry} wrote. */
export function decodeEntry(content: Buffer): DecodedEntry {
  const isEntry =
    content.byteLength >= HEADER_AT + CHECKSUM_BYTES && content.subarray(0, MAGIC.byteLength).equals(MAGIC)
  if (!isEntry) return { kind: 'damaged', reason: 'it is not an entry' }
  const checksum = content.subarray(content.byteLength - CHECKSUM_BYTES)
  if (!checksumOf(content).equals(checksum)) return { kind: 'damaged', reason: 'its checksum is wrong' }
  const version = content[MAGIC.byteLength] ?? 0
  if (version !== VERSION) return { kind: 'newer', version }
  const headerEnd = HEADER_AT + content.readUInt32BE(MAGIC.byteLength + 1)
  try {
    const header = JSON.parse(content.toString('utf8', HEADER_AT, headerEnd)) as Header
    const { namespace, key, metadata } = header
    const references = header.references.map(toDigest)
    const bytes = Uint8Array.from(content.subarray(headerEnd, content.byteLength - CHECKSUM_BYTES))
    return { kind: 'record', record: { key: { namespace, key }, entry: { bytes, references, metadata } } }
  } catch (error) {
    return { kind: 'damaged', reason: String(error) }
  }
}

/** The error for an entry of a version that is not known here. */
export function newerEntryError(name: string, version: number): StorageError {
  const message = `Gcs: ${name} was written by a newer version (format ${version}); this one reads format ${VERSION}`
  return new StorageError('unsupported', message)
}

function checksumOf(content: Buffer): Buffer {
  return createHash('sha256')
    .update(content.subarray(0, content.byteLength - CHECKSUM_BYTES))
    .digest()
}

function toDigest([digestFunction, hash, sizeBytes]: readonly [string, string, number]): Digest {
  return createDigest(hash, sizeBytes, digestFunction as DigestFunction)
}
