import type { BlobReader } from '../blob-reader.ts'
import { readerFromChunks } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { ByteRange } from '../byte-range.ts'
import { coversBlob } from '../byte-range.ts'
import type { Digest } from '../digest.ts'
import type { FileOperations } from '../files/file-operations.ts'
import { readerFromFile } from '../files/file-reader.ts'
import { placeContent } from '../files/place-content.ts'
import type { OperationOptions } from '../operation-options.ts'
import { isErrnoException, StorageError } from '../storage-error.ts'
import { corruptError, verifiedReader } from '../verified-reader.ts'
import { JournalError } from './journal-error.ts'
import type { JournalLane } from './journal-lane.ts'
import type { PendingBlob } from './pending-item.ts'

/**
 * Puts content into a file of a journal, where it is on disk under its name when this resolves.
 *
 * @throws JournalError when the file cannot be written; otherwise as `readSource` does.
 */
export async function stageContent(
  lane: JournalLane,
  id: number,
  { digest, source, files, signal }: OperationOptions & { digest: Digest; source: BlobSource; files: FileOperations },
): Promise<void> {
  const path = lane.contentPath(id)
  const { wrap } = JournalError
  await placeContent(path, digest, source, { files, signal, attempt: wrap })
  try {
    await wrap(lane.syncNames())
  } catch (error) {
    await files.unlink(path).catch(() => undefined)
    throw error
  }
}

/** Opens a part of a pending blob. Rejects with `corrupt` when its content was lost. */
export async function openContent(
  { lane, record, header }: PendingBlob,
  range: ByteRange,
  { files, signal, release }: OperationOptions & { files: FileOperations; release?: (() => void) | undefined },
): Promise<BlobReader> {
  const { digest } = header
  if (!header.isFile) {
    const bytes = await lane.readContent(record)
    return readerFromChunks(range.length, [bytes.subarray(range.offset, range.offset + range.length)], {
      signal,
      release,
    })
  }
  const file = await files.open(lane.contentPath(header.id), 'read')
  const close = (): Promise<void> => file.close().finally(release)
  const sizeBytes = await file.sizeBytes().catch(async (error: unknown) => {
    await close()
    throw error
  })
  if (sizeBytes !== digest.sizeBytes) {
    await close()
    throw lostError(digest)
  }
  const reader = readerFromFile(file, range, { signal, release: close })
  return coversBlob(range, digest) ? verifiedReader(reader, digest, () => undefined) : reader
}

/** A pending blob as the source of a write to the fallback: its content is verified on the way. */
export function sourceOfContent(item: PendingBlob, files: FileOperations): BlobSource {
  const { sizeBytes } = item.header.digest
  return {
    sizeBytes,
    open: ({ signal } = {}) => {
      let opened: BlobReader | undefined
      const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        try {
          opened = await openContent(item, { offset: 0, length: sizeBytes }, { files, signal })
          yield* opened
        } catch (error) {
          item.isLost = StorageError.is(error, 'corrupt') || isErrnoException(error, 'ENOENT')
          throw error
        }
      }
      return readerFromChunks(sizeBytes, chunks(), { signal, release: () => opened?.[Symbol.asyncDispose]() })
    },
  }
}

function lostError(digest: Digest): Error {
  return corruptError(digest, 'the journal of deferred writes has other content')
}
