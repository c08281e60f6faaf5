import type { BlobReader } from '../blob-reader.ts'
import { readerFromChunks } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import { readSource } from '../blob-source.ts'
import type { ByteRange } from '../byte-range.ts'
import { coversBlob } from '../byte-range.ts'
import type { Digest } from '../digest.ts'
import type { FileOperations, OpenFile } from '../files/file-operations.ts'
import { readerFromFile } from '../files/file-reader.ts'
import { FileWriter } from '../files/file-writer.ts'
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
  const isLinked = source.filePath !== undefined && (await link(source.filePath, path, digest, files))
  const file = await JournalError.wrap(files.open(path, isLinked ? 'read' : 'create'))
  try {
    if (!isLinked) await copyContent(file, digest, source, signal)
    await JournalError.wrap(file.sync())
    await JournalError.wrap(lane.syncNames())
  } catch (error) {
    await files.unlink(path).catch(() => undefined)
    throw error
  } finally {
    await file.close()
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
  if ((await file.sizeBytes()) !== digest.sizeBytes) {
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

async function link(from: string, to: string, digest: Digest, files: FileOperations): Promise<boolean> {
  try {
    await files.link(from, to)
  } catch {
    // On another file system, or one without links: it is copied.
    return false
  }
  const file = await JournalError.wrap(files.open(to, 'read'))
  const isWhole = (await file.sizeBytes()) === digest.sizeBytes
  await file.close()
  // Copying it tells what is wrong.
  if (!isWhole) await JournalError.wrap(files.unlink(to))
  return isWhole
}

async function copyContent(
  file: OpenFile,
  digest: Digest,
  source: BlobSource,
  signal: AbortSignal | undefined,
): Promise<void> {
  const writer = new FileWriter(file)
  for await (const chunk of readSource(source, digest, { signal })) await JournalError.wrap(writer.append(chunk))
  await JournalError.wrap(writer.flush())
}

function lostError(digest: Digest): Error {
  return corruptError(digest, 'the journal of deferred writes has other content')
}
