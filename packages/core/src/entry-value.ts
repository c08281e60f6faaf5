import type { ActionCacheEntry, ActionKey, UpdateOptions } from './action-cache-abc.ts'
import { MAX_ENTRY_BYTES } from './action-cache-abc.ts'
import type { Backend } from './backend.ts'
import { sourceFromBytes } from './blob-source.ts'
import type { Digest } from './digest.ts'
import { createDigest, formatDigest } from './digest.ts'
import { digestOf } from './hashing.ts'
import type { OperationOptions } from './operation-options.ts'
import { StorageError } from './storage-error.ts'

/** The metadata name under which an entry says that its value is a blob. */
const VALUE_BLOB = 'caskade-value-blob'

/** The longest value that may be stored, in bytes; it is read into memory whole. */
export const MAX_VALUE_BYTES: number = 64 * 1024 * 1024

/**
 * Stores a value of any length up to {@link MAX_VALUE_BYTES} under a key: within the entry when it fits there, else as
 * a blob that the entry refers to. Resolves as `ActionCacheABC.update` does.
 */
export async function putEntryValue(
  { storage, actionCache }: Backend,
  key: ActionKey,
  entry: ActionCacheEntry,
  options: UpdateOptions = {},
): Promise<boolean> {
  if (entry.bytes.byteLength <= MAX_ENTRY_BYTES) return actionCache.update(key, entry, options)
  if (entry.bytes.byteLength > MAX_VALUE_BYTES) {
    throw new StorageError(
      'too-large',
      `putEntryValue: ${entry.bytes.byteLength} bytes are more than ${MAX_VALUE_BYTES}`,
    )
  }
  const digest = digestOf(entry.bytes)
  await storage.commitWrite(digest, sourceFromBytes(entry.bytes), { signal: options.signal })
  const reference: ActionCacheEntry = {
    bytes: new Uint8Array(0),
    references: [digest, ...entry.references],
    metadata: { ...entry.metadata, [VALUE_BLOB]: formatDigest(digest) },
  }
  return actionCache.update(key, reference, options)
}

/** Reads what {@link putEntryValue} stored; resolves to null when there is no entry, or its blob is gone. */
export async function getEntryValue(
  { storage, actionCache }: Backend,
  key: ActionKey,
  options: OperationOptions = {},
): Promise<ActionCacheEntry | null> {
  const entry = await actionCache.get(key, options)
  const location = entry?.metadata[VALUE_BLOB]
  if (entry === null || location === undefined) return entry
  const digest = parseLocation(location)
  const reader = digest.sizeBytes > MAX_VALUE_BYTES ? null : await storage.getBlob(digest, options)
  if (reader === null) return null
  const { [VALUE_BLOB]: _, ...metadata } = entry.metadata
  return { bytes: await reader.bytes(), references: entry.references.slice(1), metadata }
}

function parseLocation(location: string): Digest {
  const [hash = '', sizeBytes] = location.split('/')
  return createDigest(hash, Number(sizeBytes))
}
