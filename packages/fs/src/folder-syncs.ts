import { dirname } from 'node:path'
import type { FileOperations } from '@caskade/core/files'
import { createLastingDirectory, SyncGroup } from '@caskade/core/files'
import { statIfThere } from './held-files.ts'

/** How long after a file got its name another process may still be about to sync the folder, in milliseconds. */
const RECENT_MS = 10_000

/** By how much the times of files may be behind the clock, in milliseconds: the kernel reads it a few hundred times a second. */
export const COARSE_MS = 10

interface Folder {
  readonly group: SyncGroup
  /** When the last sync began that succeeded, by the clock of the system. */
  syncedMs: number
}

/** Creates folders that last, and syncs the names in them. */
export class FolderSyncs {
  readonly #files: FileOperations
  readonly #prepared = new Map<string, Promise<void>>()
  readonly #folders = new Map<string, Folder>()

  constructor(files: FileOperations) {
    this.#files = files
  }

  /** Creates a folder, once in the life of the process, and makes sure that it lasts. */
  prepare(path: string): Promise<void> {
    let preparing = this.#prepared.get(path)
    if (preparing === undefined) {
      preparing = this.#prepare(path)
      preparing.catch(() => this.#prepared.delete(path))
      this.#prepared.set(path, preparing)
    }
    return preparing
  }

  /** Has a folder be created again that somebody removed. */
  forget(path: string): void {
    this.#prepared.delete(path)
  }

  /** Waits until the names that are now in a folder are on disk. */
  sync(path: string): Promise<void> {
    let folder = this.#folders.get(path)
    if (folder === undefined) {
      const created: Folder = { group: new SyncGroup(() => this.#sync(path, created)), syncedMs: 0 }
      folder = created
      this.#folders.set(path, folder)
    }
    return folder.group.request()
  }

  /**
   * Waits until the name of a file is on disk that was found in a folder: whoever is told of the file relies on it.
   * Resolves to whether it had to wait, so that the file may be gone again.
   *
   * @param changedMs When anything about the file was last changed, which is no earlier than when it got its name.
   */
  async settled(path: string, changedMs: number): Promise<boolean> {
    if (this.isSettled(path, changedMs)) return false
    await this.sync(path)
    return true
  }

  /** Tells whether that is known to be so already. */
  isSettled(path: string, changedMs: number): boolean {
    const syncedMs = this.#folders.get(path)?.syncedMs ?? 0
    return syncedMs - COARSE_MS > changedMs || Date.now() - changedMs > RECENT_MS
  }

  /** Most are there, with thousands of names in them, and need not be read to know that. */
  async #prepare(path: string): Promise<void> {
    const stat = await statIfThere(this.#files, path)
    if (stat === undefined) return createLastingDirectory(this.#files, path)
    // Another process may have created it and be about to sync the one above it.
    if (Date.now() - stat.changedMs <= RECENT_MS) await this.#files.syncDirectory(dirname(path))
  }

  async #sync(path: string, folder: Folder): Promise<void> {
    const startedMs = Date.now()
    await this.#files.syncDirectory(path)
    folder.syncedMs = startedMs
  }
}
