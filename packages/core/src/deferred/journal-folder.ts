import { dirname, join } from 'node:path'
import { fileError } from '../files/file-errors.ts'
import type { FileOperations } from '../files/file-operations.ts'
import { createLastingDirectory } from '../files/lasting-directory.ts'
import { OwnedDirectory } from '../files/owned-directory.ts'
import { isErrnoException } from '../storage-error.ts'
import { JournalLane } from './journal-lane.ts'

/** What a lane is called; anything else in the folder is somebody else's. */
const LANE_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The folder that holds the journals of all processes that were given it.
 *
 * Each lane lies in the folder of the process that owns it, or in `unowned`. Taking one over is a rename, which succeeds
 * for one process only.
 */
export class JournalFolder {
  readonly #path: string
  readonly #files: FileOperations
  readonly #owned: OwnedDirectory

  private constructor(path: string, files: FileOperations, owned: OwnedDirectory) {
    this.#path = path
    this.#files = files
    this.#owned = owned
  }

  /** Creates what is missing, and makes a folder for this process in it. */
  static async claim(path: string, files: FileOperations): Promise<JournalFolder> {
    try {
      await createLastingDirectory(files, join(path, 'owners'))
      await createLastingDirectory(files, join(path, 'unowned'))
      const owned = await OwnedDirectory.claim(join(path, 'owners'))
      for (const directory of [owned.path, dirname(owned.path)]) await files.syncDirectory(directory)
      return new JournalFolder(path, files, owned)
    } catch (error) {
      throw fileError(error, `WithCache: cannot use journalDirectory ${path}`)
    }
  }

  /** Begins a lane of this process. */
  createLane(): Promise<JournalLane> {
    return JournalLane.create(this.#owned.path, this.#files)
  }

  /** Takes over the lanes that belong to no running process; resolves to their folders. */
  async adopt(): Promise<string[]> {
    const adopted = await this.#adoptFrom(join(this.#path, 'unowned'))
    for (const id of await this.#owned.abandoned()) {
      adopted.push(...(await this.#adoptFrom(join(this.#path, 'owners', id))))
      await this.#owned.removeAbandoned(id)
    }
    return adopted
  }

  /** Gives up the ownership. Lanes that were not removed are left for whoever comes next; they must be closed. */
  async release(): Promise<void> {
    const unowned = join(this.#path, 'unowned')
    for (const name of await this.#files.readDirectory(this.#owned.path)) {
      await this.#files.rename(join(this.#owned.path, name), join(unowned, name))
    }
    await this.#files.syncDirectory(unowned)
    await this.#files.syncDirectory(this.#owned.path)
    await this.#owned.release()
  }

  async #adoptFrom(directory: string): Promise<string[]> {
    const adopted: string[] = []
    for (const name of await this.#namesIn(directory)) {
      if (!LANE_NAME.test(name)) continue
      const target = join(this.#owned.path, name)
      try {
        await this.#files.rename(join(directory, name), target)
        adopted.push(target)
      } catch (error) {
        // Another process was faster.
        if (!isErrnoException(error, 'ENOENT')) throw error
      }
    }
    if (adopted.length === 0) return adopted
    await this.#files.syncDirectory(this.#owned.path)
    await this.#files.syncDirectory(directory)
    return adopted
  }

  async #namesIn(directory: string): Promise<string[]> {
    try {
      return await this.#files.readDirectory(directory)
    } catch (error) {
      if (isErrnoException(error, 'ENOENT')) return []
      throw error
    }
  }
}
