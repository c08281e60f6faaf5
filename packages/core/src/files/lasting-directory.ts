import { dirname } from 'node:path'
import { isErrnoException } from '../storage-error.ts'
import type { FileOperations } from './file-operations.ts'

/** Creates a folder, and those above it, so that it lasts: a new folder is on disk only once the one above it is synced. */
export async function createLastingDirectory(files: FileOperations, path: string): Promise<void> {
  if (await isThere(files, path)) return
  const parent = dirname(path)
  if (parent !== path) await createLastingDirectory(files, parent)
  await files.createDirectory(path)
  await files.syncDirectory(parent)
}

async function isThere(files: FileOperations, path: string): Promise<boolean> {
  try {
    await files.readDirectory(path)
    return true
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return false
    throw error
  }
}
