import { hash } from 'node:crypto'
import type { ActionCacheEntry, ActionCacheRecord, ActionKey, Digest } from '@caskade/core'
import { createDigest } from '@caskade/core'

/** What an entry's file begins with; the last character is the version. */
const MAGIC = Buffer.from('CKE1')

/** The file ends in the SHA-256 of all that is before. */
const CHECKSUM_BYTES = 32

interface Header extends ActionKey {
  readonly references: readonly (readonly [digestFunction: Digest['digestFunction'], hash: string, sizeBytes: number])[]
  readonly metadata: Readonly<Record<string, string>>
}

/** The content of the file of an entry. */
export function encodeEntry({ namespace, key }: ActionKey, { bytes, references, metadata }: ActionCacheEntry): Buffer {
  const header: Header = {
    namespace,
    key,
    references: references.map(({ digestFunction, hash: name, sizeBytes }) => [digestFunction, name, sizeBytes]),
    metadata,
  }
  const encoded = Buffer.from(JSON.stringify(header))
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(encoded.byteLength)
  const content = Buffer.concat([MAGIC, length, encoded, bytes])
  return Buffer.concat([content, hash('sha256', content, 'buffer')])
}

/** Reads the file of an entry; undefined when it is not what was written. */
export function decodeEntry(file: Buffer): ActionCacheRecord | undefined {
  const end = file.byteLength - CHECKSUM_BYTES
  const start = MAGIC.byteLength + 4
  if (end < start || !file.subarray(0, MAGIC.byteLength).equals(MAGIC)) return undefined
  if (!hash('sha256', file.subarray(0, end), 'buffer').equals(file.subarray(end))) return undefined
  const valueStart = start + file.readUInt32LE(MAGIC.byteLength)
  const header = JSON.parse(file.toString('utf8', start, valueStart)) as Header
  const references = header.references.map(([digestFunction, name, sizeBytes]) =>
    createDigest(name, sizeBytes, digestFunction ?? 'sha256'),
  )
  const entry = { bytes: file.subarray(valueStart, end), references, metadata: header.metadata }
  return { key: { namespace: header.namespace, key: header.key }, entry }
}
