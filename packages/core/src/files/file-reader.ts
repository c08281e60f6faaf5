import { setImmediate } from 'node:timers/promises'
import type { BlobReader } from '../blob-reader.ts'
import { readerFromChunks } from '../blob-reader.ts'
import type { ByteRange } from '../byte-range.ts'
import type { ChunkBuffers, OperationOptions } from '../operation-options.ts'
import { fileError } from './file-errors.ts'
import type { OpenFile } from './file-operations.ts'
import type { QuickReads } from './quick-reads.ts'
import { readFully } from './read-fully.ts'

/** How much of a file is read at once, in bytes: the least CPU per byte measured, with little memory per reader. */
export const READ_CHUNK_BYTES: number = 256 * 1024

/** How much of it when all of it goes into one buffer: so much is read before a reader that is given up ends. */
const WHOLE_READ_BYTES = 1024 * 1024

/** What a file reader needs besides the file. */
export interface FileReaderOptions extends OperationOptions {
  /** Called once the reader no longer needs the file. */
  readonly release?: (() => void | PromiseLike<void>) | undefined
  /** Where the buffers for chunks come from. Default: each is new. */
  readonly buffers?: ChunkBuffers | undefined
  /** Has chunks read on the event loop as long as that is quick. Default: none is. */
  readonly quick?: QuickReads | undefined
}

/**
 * Reads a range of an open file, which must stay open until `release` is called. A read that fails, fails the reader with a
 * `StorageError`.
 */
export function readerFromFile(file: OpenFile, range: ByteRange, options: FileReaderOptions = {}): BlobReader {
  const { signal, release } = options
  return readerFromChunks(range.length, fileChunks(file, range, options), {
    signal,
    release,
    whole: () => readWhole(file, range),
  })
}

/** Without chunks to allocate and to copy, this takes half the CPU. */
async function readWhole(file: OpenFile, { offset, length }: ByteRange): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length)
  const filled = await orFileError(readFully(file, bytes, offset, WHOLE_READ_BYTES))
  return filled === length ? bytes : bytes.subarray(0, filled)
}

async function* fileChunks(
  file: OpenFile,
  { offset, length }: ByteRange,
  { buffers, quick }: FileReaderOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = offset + length
  let position = offset
  while (position < end) {
    const sizeBytes = Math.min(READ_CHUNK_BYTES, end - position)
    const buffer = buffers?.take(sizeBytes) ?? Buffer.allocUnsafeSlow(sizeBytes)
    const quickly = quick?.readOpen(file, buffer, position)
    // A trip to the thread pool lets others have their turn by itself.
    if (quickly !== undefined && position > offset) await setImmediate()
    const bytesRead = quickly ?? (await orFileError(file.read(buffer, position)))
    if (bytesRead === 0) return
    position += bytesRead
    yield bytesRead === buffer.byteLength ? buffer : buffer.subarray(0, bytesRead)
  }
}

async function orFileError<Result>(reading: Promise<Result>): Promise<Result> {
  try {
    return await reading
  } catch (error) {
    throw fileError(error, 'file: cannot read')
  }
}
