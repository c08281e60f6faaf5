import { isErrnoException } from '../storage-error.ts'
import type { FileOperations } from './file-operations.ts'

/** Removes a file; resolves to whether it was there. */
export async function unlinkIfThere(files: FileOperations, path: string): Promise<boolean> {
  try {
    await files.unlink(path)
    return true
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return false
    throw error
  }
}
