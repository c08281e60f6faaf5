import { join } from 'node:path'
import { isErrnoException, StorageError } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'
import { unlinkIfThere } from '@caskade/core/files'
import type { Layout } from './layout.ts'
import { FORMAT_VERSION } from './layout.ts'

const MAX_BYTES = 4096

/**
 * Checks that a folder is one that this version can use, and marks a new one as such.
 *
 * @throws StorageError `unsupported` for one of a newer version, or that is no folder of this backend.
 */
export async function checkFormat(layout: Layout, directory: string, files: FileOperations): Promise<void> {
  const version = await readVersion(layout, files)
  if (version === undefined) return writeVersion(layout, directory, files)
  if (version === FORMAT_VERSION) return
  const reason = version > FORMAT_VERSION ? 'was written by a newer version of @caskade/fs' : 'has an unknown format'
  throw new StorageError('unsupported', `Fs: ${layout.root} ${reason} (${version}, this one knows ${FORMAT_VERSION})`)
}

async function readVersion(layout: Layout, files: FileOperations): Promise<number | undefined> {
  const file = await files.open(layout.format, 'read').catch((error: unknown) => {
    if (isErrnoException(error, 'ENOENT')) return undefined
    throw error
  })
  if (file === undefined) return undefined
  const bytes = Buffer.alloc(MAX_BYTES)
  const length = await file.read(bytes, 0).finally(() => file.close())
  try {
    return (JSON.parse(bytes.toString('utf8', 0, length)) as { version: number }).version
  } catch (error) {
    throw new StorageError('unsupported', `Fs: ${layout.format} does not say which version wrote it`, { cause: error })
  }
}

async function writeVersion(layout: Layout, directory: string, files: FileOperations): Promise<void> {
  const path = join(directory, 'format')
  const file = await files.open(path, 'create')
  try {
    await file.write([Buffer.from(`${JSON.stringify({ format: 'caskade-fs', version: FORMAT_VERSION })}\n`)], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(path, layout.format)
  await unlinkIfThere(files, path)
  await files.syncDirectory(layout.root)
}
