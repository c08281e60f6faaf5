import type { BlobSource } from '../blob-source.ts'
import { readSource } from '../blob-source.ts'
import type { Digest } from '../digest.ts'
import { formatDigest } from '../digest.ts'
import type { OperationOptions } from '../operation-options.ts'
import { isErrnoException, StorageError } from '../storage-error.ts'
import type { FileOperations, OpenFile } from './file-operations.ts'
import { FileWriter } from './file-writer.ts'
import { unlinkIfThere } from './unlink-if-there.ts'

/** How content is placed. */
export interface PlacementOptions extends OperationOptions {
  readonly files: FileOperations
  /**
   * Waits for a file operation, and describes what it fails with. What the source or the signal fails with does not come
   * here: it is passed on as it is.
   */
  readonly attempt: <Result>(operation: Promise<Result>) => Promise<Result>
  /** Is done with the file once its content is there, before it is synced. */
  readonly beforeSync?: ((file: OpenFile) => Promise<void>) | undefined
}

/**
 * Puts the content of a source into a file of its own, in the place of what may be there: links the file of the source
 * where it has one and that works, which saves writing the content twice, and copies it otherwise.
 *
 * The content is on disk when it resolves, the name is not: the folder is the caller's to sync. Leaves nothing when it
 * fails.
 *
 * @throws StorageError `invalid-argument` when the content is shorter or longer than the digest says; whatever the source
 * fails with; the signal's reason when aborted.
 */
export async function placeContent(
  path: string,
  digest: Digest,
  source: BlobSource,
  options: PlacementOptions,
): Promise<void> {
  const { files, attempt, beforeSync } = options
  const isLinked = await linkSource(path, digest, source, files)
  const file = await attempt(isLinked ? files.open(path, 'read') : openNew(path, files)).catch(
    async (error: unknown) => {
      if (isLinked) await files.unlink(path).catch(() => undefined)
      throw error
    },
  )
  try {
    if (isLinked) await checkSize(file, digest, attempt)
    else await copyContent(file, digest, source, options)
    if (beforeSync !== undefined) await attempt(beforeSync(file))
    await attempt(file.sync())
  } catch (error) {
    // What failed is worth more to the caller than that it could not be removed.
    await files.unlink(path).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
}

async function linkSource(
  path: string,
  digest: Digest,
  { filePath, sizeBytes }: BlobSource,
  files: FileOperations,
): Promise<boolean> {
  if (filePath === undefined || sizeBytes !== digest.sizeBytes) return false
  try {
    await files.link(filePath, path).catch(async (error: unknown) => {
      if (!isErrnoException(error, 'EEXIST')) throw error
      await unlinkIfThere(files, path)
      await files.link(filePath, path)
    })
    return true
  } catch {
    // Another file system, or one without links; copying tells if it is something else.
    return false
  }
}

/** Whatever may be there is unlinked, never overwritten: it may be linked elsewhere. */
async function openNew(path: string, files: FileOperations): Promise<OpenFile> {
  try {
    return await files.open(path, 'create')
  } catch (error) {
    if (!isErrnoException(error, 'EEXIST')) throw error
    await unlinkIfThere(files, path)
    return files.open(path, 'create')
  }
}

async function checkSize(file: OpenFile, digest: Digest, attempt: PlacementOptions['attempt']): Promise<void> {
  const sizeBytes = await attempt(file.sizeBytes())
  if (sizeBytes === digest.sizeBytes) return
  const message = `commitWrite: blob ${formatDigest(digest)} has a source file of ${sizeBytes} bytes`
  throw new StorageError('invalid-argument', message, { digest })
}

async function copyContent(
  file: OpenFile,
  digest: Digest,
  source: BlobSource,
  { attempt, signal }: PlacementOptions,
): Promise<void> {
  const writer = new FileWriter(file)
  for await (const chunk of readSource(source, digest, { signal })) await attempt(writer.append(chunk))
  await attempt(writer.flush())
}
