import { readerFromChunks } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { Digest } from '../digest.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { StorageABC } from '../storage-abc.ts'
import { StorageError } from '../storage-error.ts'
import { verifiedReader } from '../verified-reader.ts'

/**
 * Copies a blob from one storage to another, verifying it on the way; does nothing when the first has it no more.
 *
 * The signal ends the reading, never the writing: so the other storage always sees a source that breaks off, leaves
 * nothing behind, and has ended its write by the time this rejects.
 */
export async function copyBlob(digest: Digest, from: StorageABC, to: StorageABC, signal: AbortSignal): Promise<void> {
  let isGone = false
  async function* content(options: OperationOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const found = await from.getBlob(digest, options)
    isGone = found === null
    if (found === null) throw new StorageError('unavailable', 'the blob to copy is not there any more', { digest })
    yield* verifiedReader(found, digest, () => undefined)
  }
  const source: BlobSource = {
    sizeBytes: digest.sizeBytes,
    open(options = {}) {
      const eitherSignal = AbortSignal.any([signal, ...(options.signal === undefined ? [] : [options.signal])])
      return readerFromChunks(digest.sizeBytes, content({ signal: eitherSignal }), { signal: eitherSignal })
    },
  }
  try {
    await to.commitWrite(digest, source)
  } catch (error) {
    if (!isGone) throw error
  }
}
