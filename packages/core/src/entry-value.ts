import type { ActionCacheEntry, ActionKey, UpdateOptions } from './action-cache-abc.ts'
import { MAX_ENTRY_BYTES } from './action-cache-abc.ts'
import type { Backend } from './backend.ts'
import type { BlobReader } from './blob-reader.ts'
import { readerFromBytes } from './blob-reader.ts'
import type { BlobSource } from './blob-source.ts'
import { collectSource, sourceFromBytes } from './blob-source.ts'
import type { Digest, DigestFunction } from './digest.ts'
import { createDigest, formatDigest } from './digest.ts'
import { digestOf } from './hashing.ts'
import type { OperationOptions } from './operation-options.ts'
import { StorageError } from './storage-error.ts'

/** The metadata name under which an entry says that its value is a blob. */
const VALUE_BLOB = 'caskade-value-blob'

/** A value of any length, which need not be in memory. */
export interface EntryValue extends Omit<ActionCacheEntry, 'bytes'> {
  /** What the source holds. */
  readonly digest: Digest
  readonly source: BlobSource
}

/** A stored value that is about to be read. Its reader must be read or disposed. */
export interface OpenEntryValue extends Omit<ActionCacheEntry, 'bytes'> {
  readonly reader: BlobReader
}

/**
 * Stores a value of any length under a key: within the entry when it fits there, else as a blob that the entry refers
 * to. Resolves as `ActionCacheABC.update` does.
 */
export async function putEntryValue(
  { storage, actionCache }: Backend,
  key: ActionKey,
  { digest, source, references, metadata }: EntryValue,
  options: UpdateOptions = {},
): Promise<boolean> {
  const { signal } = options
  if (digest.sizeBytes <= MAX_ENTRY_BYTES) {
    const bytes = await collectSource(source, digest, { signal })
    return actionCache.update(key, { bytes, references, metadata }, options)
  }
  await storage.commitWrite(digest, source, { signal })
  const location = `${digest.digestFunction ?? 'sha256'}:${formatDigest(digest)}`
  const entry: ActionCacheEntry = {
    bytes: new Uint8Array(0),
    references: [digest, ...references],
    metadata: { ...metadata, [VALUE_BLOB]: location },
  }
  return actionCache.update(key, entry, options)
}

/** Stores a value that is in memory; see {@link putEntryValue}. */
export async function putEntryBytes(
  backend: Backend,
  key: ActionKey,
  { bytes, references, metadata }: ActionCacheEntry,
  options: UpdateOptions = {},
): Promise<boolean> {
  const value = { digest: digestOf(bytes), source: sourceFromBytes(bytes), references, metadata }
  return putEntryValue(backend, key, value, options)
}

/** A stored value, and where it is: within its entry, or a blob of its own. */
export interface FoundEntryValue extends Omit<ActionCacheEntry, 'bytes'> {
  readonly value: { readonly bytes: Uint8Array } | { readonly digest: Digest }
}

/** Finds a stored value; resolves to null when there is no entry, or none that makes sense. Whether its blob is there, reading it tells. */
export async function findEntryValue(
  { actionCache }: Backend,
  key: ActionKey,
  options: OperationOptions = {},
): Promise<FoundEntryValue | null> {
  const entry = await actionCache.get(key, options)
  return entry === null ? null : locate(entry)
}

/** Opens a stored value; resolves to null when there is no entry, or its blob is gone. */
export async function openEntryValue(
  backend: Backend,
  key: ActionKey,
  options: OperationOptions = {},
): Promise<OpenEntryValue | null> {
  const found = await findEntryValue(backend, key, options)
  if (found === null) return null
  const { value, ...rest } = found
  if ('bytes' in value) return { reader: readerFromBytes(value.bytes, options), ...rest }
  const reader = await backend.storage.getBlob(value.digest, options)
  return reader === null ? null : { reader, ...rest }
}

/** Reads a stored value into memory; null as {@link openEntryValue}, or when it is damaged or has more than `maxBytes`. */
export async function getEntryBytes(
  backend: Backend,
  key: ActionKey,
  { maxBytes, signal }: OperationOptions & { readonly maxBytes: number },
): Promise<ActionCacheEntry | null> {
  try {
    const entry = await backend.actionCache.get(key, { signal })
    if (entry === null) return null
    // As it is: what it refers to is not looked at, which saves some action caches making it.
    if (isWithin(entry)) return entry.bytes.byteLength <= maxBytes ? entry : null
    const found = locate(entry)
    if (found === null || 'bytes' in found.value || found.value.digest.sizeBytes > maxBytes) return null
    const { value, ...rest } = found
    const reader = await backend.storage.getBlob(value.digest, { signal })
    return reader === null ? null : { bytes: await reader.bytes(), ...rest }
  } catch (error) {
    // It was dropped when it was found damaged, so it is gone.
    if (StorageError.is(error, 'corrupt')) return null
    throw error
  }
}

/** Whether the value is in the entry itself. */
function isWithin({ metadata }: ActionCacheEntry): boolean {
  return metadata[VALUE_BLOB] === undefined
}

/** Says where the value of an entry is; null when the entry makes no sense. */
function locate({ bytes, references, metadata }: ActionCacheEntry): FoundEntryValue | null {
  const { [VALUE_BLOB]: location, ...rest } = metadata
  if (location === undefined) return { value: { bytes }, references, metadata }
  const digest = parseLocation(location)
  return digest === undefined ? null : { value: { digest }, references: references.slice(1), metadata: rest }
}

function parseLocation(location: string): Digest | undefined {
  const [, digestFunction, hash = '', sizeBytes] = /^(\w+):(\w+)\/(\d+)$/.exec(location) ?? []
  try {
    return createDigest(hash, Number(sizeBytes), digestFunction as DigestFunction)
  } catch (error) {
    if (StorageError.is(error, 'invalid-argument')) return undefined
    throw error
  }
}
