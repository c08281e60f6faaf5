import type { Digest } from '@caskade/core'
import type { MessageReader } from './message-reader.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** A digest of a request: as it was written, and so not checked yet. */
export interface ReadDigest {
  hash: string
  sizeBytes: number
}

/** Field 1 of `Digest`, length-delimited. */
export const HASH_TAG = 0x0a

/** Field 2 of `Digest`, varint. */
export const SIZE_TAG = 0x10

/** Reads a `Digest` that the reader is in front of; into `digest` when it was begun before, as the protocol wants it. */
export function readDigestMessage(reader: MessageReader, digest: ReadDigest = { hash: '', sizeBytes: 0 }): ReadDigest {
  const end = reader.enter()
  while (reader.position < end) {
    const tag = reader.tag()
    if (tag === HASH_TAG) digest.hash = reader.string()
    else if (tag === SIZE_TAG) digest.sizeBytes = reader.int64()
    else reader.skip(tag)
  }
  if (reader.position > end) throw new RangeError('a digest ends within a field')
  return digest
}

/** What a digest that was checked takes as a field, its tag and its length included, in bytes. */
export function digestFieldBytes(digest: Digest): number {
  const length = digestBytes(digest)
  return 1 + varintBytes(length) + length
}

/** Writes a digest that was checked, as the field of that tag; returns where it ends. */
export function writeDigestField(target: Buffer, start: number, tag: number, digest: Digest): number {
  const { hash, sizeBytes } = digest
  target[start] = tag
  let at = writeVarint(target, start + 1, digestBytes(digest))
  target[at] = HASH_TAG
  at = writeVarint(target, at + 1, hash.length)
  at += target.write(hash, at, 'latin1')
  if (sizeBytes === 0) return at
  target[at] = SIZE_TAG
  return writeVarint(target, at + 1, sizeBytes)
}

function digestBytes({ hash, sizeBytes }: Digest): number {
  return 1 + varintBytes(hash.length) + hash.length + (sizeBytes === 0 ? 0 : 1 + varintBytes(sizeBytes))
}
