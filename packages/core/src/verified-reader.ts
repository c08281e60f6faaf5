import { setImmediate } from 'node:timers/promises'
import type { BlobReader } from './blob-reader.ts'
import { readerFromChunks } from './blob-reader.ts'
import type { Digest } from './digest.ts'
import { formatDigest } from './digest.ts'
import { createHasher, digestOf } from './hashing.ts'
import { StorageError } from './storage-error.ts'

/** How much is hashed before other work gets its turn: less than a millisecond's worth, in bytes. */
const HASHED_AT_ONCE_BYTES = 1024 * 1024

/** Hears of damaged content before the reading fails. */
type OnCorrupt = (error: StorageError) => void | Promise<void>

/** Hears that content is whole before the last of it is delivered. */
type OnWhole = () => void

/**
 * Passes on the content of a whole blob while hashing it, holding back the last chunk until the hash matches.
 *
 * A consumer that knows the size can therefore never mistake damaged content for the blob. On a mismatch, in hash or
 * in length, `onCorrupt` is called and awaited, then the reading fails with `corrupt`. Otherwise `onWhole` is called.
 */
export function verifiedReader(
  reader: BlobReader,
  digest: Digest,
  onCorrupt: OnCorrupt,
  onWhole?: OnWhole,
): BlobReader {
  return readerFromChunks(digest.sizeBytes, verifiedChunks(reader, digest, onCorrupt, onWhole), {
    release: () => reader[Symbol.asyncDispose](),
    whole: () => verifiedBytes(reader, digest, onCorrupt, onWhole),
  })
}

async function verifiedBytes(
  reader: BlobReader,
  digest: Digest,
  onCorrupt: OnCorrupt,
  onWhole?: OnWhole,
): Promise<Uint8Array> {
  try {
    const bytes = await reader.bytes()
    if ((await hashOf(bytes, digest)) !== digest.hash) throw corruptError(digest, 'the stored content has another hash')
    onWhole?.()
    return bytes
  } catch (error) {
    if (StorageError.is(error, 'corrupt')) await onCorrupt(error)
    throw error
  }
}

async function hashOf(bytes: Uint8Array, { digestFunction }: Digest): Promise<string> {
  if (bytes.byteLength <= HASHED_AT_ONCE_BYTES) return digestOf(bytes, digestFunction).hash
  const hasher = createHasher(digestFunction)
  for (let at = 0; at < bytes.byteLength; at += HASHED_AT_ONCE_BYTES) {
    if (at > 0) await setImmediate()
    hasher.update(bytes.subarray(at, at + HASHED_AT_ONCE_BYTES))
  }
  return hasher.digest()
}

async function* verifiedChunks(
  reader: BlobReader,
  digest: Digest,
  onCorrupt: OnCorrupt,
  onWhole?: OnWhole,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = createHasher(digest.digestFunction)
  let held: Uint8Array | undefined
  try {
    for await (const chunk of reader) {
      hasher.update(chunk)
      if (held !== undefined) yield held
      held = chunk
    }
    if (hasher.digest() !== digest.hash) throw corruptError(digest, 'the stored content has another hash')
    onWhole?.()
  } catch (error) {
    if (StorageError.is(error, 'corrupt')) await onCorrupt(error)
    throw error
  }
  if (held !== undefined) yield held
}

/** The error for stored content that is not what its digest says. */
export function corruptError(digest: Digest, reason: string): StorageError {
  return new StorageError('corrupt', `blob ${formatDigest(digest)} is damaged: ${reason}`, { digest })
}
