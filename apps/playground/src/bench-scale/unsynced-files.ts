import { readdirSync, renameSync, statSync, unlinkSync, utimesSync } from 'node:fs'
import type { FileOperations } from '@caskade/core/files'
import { fileStat, nodeFiles, toSeconds } from '@caskade/core/files'
import { UnsyncedFile } from './unsynced-file.ts'

/**
 * Makes the operations of the real file system without a single sync, and on this thread: what fills a store with millions
 * of files has nothing else to do meanwhile, and would spend most of its time on handing work to others.
 *
 * What is written lasts once the disk was told to sync as a whole. Nobody else may use the folder meanwhile: a file that
 * should get a second name, to be removed under its first, is renamed instead.
 */
export function unsyncedFiles(): FileOperations {
  const renamed = new Set<string>()
  return {
    ...nodeFiles,
    open: async (path, mode) => new UnsyncedFile(path, mode),
    async link(existingPath, newPath) {
      renameSync(existingPath, newPath)
      renamed.add(existingPath)
    },
    rename: async (oldPath, newPath) => renameSync(oldPath, newPath),
    async unlink(path) {
      if (!renamed.delete(path)) unlinkSync(path)
    },
    stat: async (path) => fileStat(statSync(path)),
    setModified: async (path, timeUs) => utimesSync(path, toSeconds(timeUs), toSeconds(timeUs)),
    readDirectory: async (path) => readdirSync(path),
    syncDirectory: async () => undefined,
  }
}
