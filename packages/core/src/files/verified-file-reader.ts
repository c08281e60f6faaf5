import type { BlobReader } from '../blob-reader.ts'
import { readerFromChunks } from '../blob-reader.ts'
import type { Digest } from '../digest.ts'
import { createHasher } from '../hashing.ts'
import { StorageError } from '../storage-error.ts'
import { corruptError, verifiedReader } from '../verified-reader.ts'
import { fileError } from './file-errors.ts'
import type { OpenFile } from './file-operations.ts'
import type { FileReaderOptions } from './file-reader.ts'
import { readerFromFile } from './file-reader.ts'
import type { FileStat } from './file-stat.ts'
import type { VerifiedFiles } from './verified-files.ts'
import { isSameContent } from './verified-files.ts'

/** What verifying a file takes besides what reading it does. */
export interface VerifiedFileOptions extends FileReaderOptions {
  /** Which files need not be hashed again. */
  readonly verified: VerifiedFiles
  /** Whether it is hashed even so. Default: false. */
  readonly alwaysHashes?: boolean | undefined
  /** Called and awaited before the reading fails with `corrupt`. */
  readonly onCorrupt: (error: StorageError) => void | Promise<void>
}

/**
 * Reads the file of a whole blob, which must stay open until `release` is called, and holds back the last chunk until the content
 * is known to be that of the blob: it was hashed on the way, or a short time ago and nobody has written to it since.
 * `stat` is what the file was like before.
 */
export function readerFromVerifiedFile(
  file: OpenFile,
  digest: Digest,
  stat: FileStat,
  options: VerifiedFileOptions,
): BlobReader {
  const { verified, alwaysHashes = false, onCorrupt, signal, buffers, quick, release } = options
  const range = { offset: 0, length: digest.sizeBytes }
  if (alwaysHashes || !verified.has(digest, stat)) {
    return verifiedReader(readerFromFile(file, range, options), digest, onCorrupt, () => verified.add(digest, stat))
  }
  // It does not release the file, which is looked at once more when all was read.
  const reader = readerFromFile(file, range, { signal, buffers, quick })
  const confirm = (): Promise<void> => confirmUnwritten(file, digest, stat, options)
  const reported = async (error: unknown): Promise<never> => {
    if (StorageError.is(error, 'corrupt')) await onCorrupt(error)
    throw error
  }
  return readerFromChunks(digest.sizeBytes, heldBack(reader, confirm, reported), {
    async release() {
      await reader[Symbol.asyncDispose]()
      await release?.()
    },
    async whole() {
      const bytes = await reader.bytes().catch(reported)
      await confirm().catch(reported)
      return bytes
    },
  })
}

/** Makes sure that nobody has written to a file while it was read. Its time may tell of a use of it as well; so then it is hashed. */
async function confirmUnwritten(
  file: OpenFile,
  digest: Digest,
  stat: FileStat,
  { verified, quick }: VerifiedFileOptions,
): Promise<void> {
  const present = await statOf(file)
  if (isSameContent(stat, present)) return
  const hasher = createHasher(digest.digestFunction)
  for await (const chunk of readerFromFile(file, { offset: 0, length: digest.sizeBytes }, { quick })) {
    hasher.update(chunk)
  }
  if (hasher.digest() !== digest.hash) throw corruptError(digest, 'its file was written to')
  verified.add(digest, present)
}

async function* heldBack(
  reader: BlobReader,
  confirm: () => Promise<void>,
  reported: (error: unknown) => Promise<never>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined
  try {
    for await (const chunk of reader) {
      if (held !== undefined) yield held
      held = chunk
    }
    await confirm()
  } catch (error) {
    await reported(error)
  }
  if (held !== undefined) yield held
}

async function statOf(file: OpenFile): Promise<FileStat> {
  try {
    return await file.stat()
  } catch (error) {
    throw fileError(error, 'file: cannot read')
  }
}
