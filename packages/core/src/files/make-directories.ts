import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isErrnoException } from '../storage-error.ts'

/**
 * Creates a folder and those above it; succeeds when it is there. Rejects with the errors of Node.js.
 *
 * Instead of the recursive `mkdir` of Node.js, which tries again and again, and never stops, where a folder that is there
 * says that nothing can be found in it, as those of `/proc` do.
 */
export async function makeDirectories(path: string): Promise<void> {
  try {
    await makeDirectory(path)
  } catch (error) {
    const parent = dirname(path)
    if (!isErrnoException(error, 'ENOENT') || parent === path) throw error
    await makeDirectories(parent)
    await makeDirectory(path)
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    // Not only EEXIST: where nothing may be made, some systems look no further.
    if (isErrnoException(error, 'ENOENT') || !(await isDirectory(path))) throw error
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
