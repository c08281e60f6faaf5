import { join } from 'node:path'
import { isErrnoException, reportEvent, StorageError } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'
import { unlinkIfThere } from '@caskade/core/files'
import type { FileTaker } from './file-taker.ts'
import type { FolderSyncs } from './folder-syncs.ts'
import { statIfThere } from './held-files.ts'
import type { Layout, StoredName } from './layout.ts'

/** What a write has of the quota. */
export interface Ticket {
  readonly costBytes: number
  /** Whether what it has is in use, however the write ends: whoever removes the file has the bytes freed then. */
  isInUse: boolean
}

/** What a {@link FilePublisher} needs. */
export interface FilePublisherOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly syncs: FolderSyncs
  readonly taker: FileTaker
  /** The folder of this process. */
  readonly directory: string
}

/** Gives files that are written their place, where they are on disk once that resolves. */
export class FilePublisher {
  readonly #options: FilePublisherOptions
  #count = 0

  constructor(options: FilePublisherOptions) {
    this.#options = options
  }

  /** Has a file written and published at a path in the folder of this process, of which nothing is left there. */
  async write<Result>(ticket: Ticket, write: (path: string) => Promise<Result>): Promise<Result> {
    const { files, directory } = this.#options
    this.#count += 1
    const path = join(directory, `w.${this.#count}.${ticket.costBytes}`)
    try {
      return await write(path)
    } finally {
      await unlinkIfThere(files, path).catch((error: unknown) => {
        ticket.isInUse = true
        reportEvent({ kind: 'cleanup-failure', storageType: 'Fs', operation: 'commitWrite', error })
      })
    }
  }

  /** Gives a file its place unless there is one already; resolves to whether it was given. */
  async publishNew(name: StoredName, path: string, ticket: Ticket): Promise<boolean> {
    const { layout, files } = this.#options
    const { inode } = await files.stat(path)
    try {
      await this.#place(name, path, () => this.#link(path, layout.pathOf(name)))
    } catch (error) {
      if (isErrnoException(error, 'EEXIST')) return false
      throw error
    }
    ticket.isInUse = true
    await this.#sync(name, inode)
    return true
  }

  /** Gives a file its place, whatever is there. */
  async replace(name: StoredName, path: string, ticket: Ticket): Promise<void> {
    const { layout, files } = this.#options
    const { inode } = await files.stat(path)
    await this.#place(name, path, () => files.rename(path, layout.pathOf(name)))
    ticket.isInUse = true
    await this.#sync(name, inode)
  }

  async #link(path: string, place: string): Promise<void> {
    const { files } = this.#options
    try {
      await files.link(path, place)
    } catch (error) {
      const isWithoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].some((code) => isErrnoException(error, code))
      if (!isWithoutLinks) throw error
      // Replaces what another process may have stored there, which is the same content.
      await files.rename(path, place)
    }
  }

  async #place(name: StoredName, path: string, place: () => Promise<void>): Promise<void> {
    const { layout, files, syncs } = this.#options
    const folder = layout.folderOf(name)
    await syncs.prepare(folder)
    try {
      await place()
    } catch (error) {
      if (!isErrnoException(error, 'ENOENT')) throw error
      if ((await statIfThere(files, path)) === undefined) throw lostError()
      // Somebody removed the folder.
      syncs.forget(folder)
      await syncs.prepare(folder)
      await place()
    }
  }

  async #sync(name: StoredName, inode: number): Promise<void> {
    const { layout, syncs, taker } = this.#options
    try {
      await syncs.sync(layout.folderOf(name))
    } catch (error) {
      // It may be on disk or not, so nobody may find it.
      await taker.take(name, (stat) => stat.inode === inode).catch(() => undefined)
      throw error
    }
  }
}

/** What a file in a temporary folder that is being written will take of the quota; undefined for other files. */
export function writtenCostBytes(file: string): number | undefined {
  const [, costBytes] = /^w\.\d+\.(\d+)$/.exec(file) ?? []
  return costBytes === undefined ? undefined : Number(costBytes)
}

function lostError(): StorageError {
  return new StorageError('unavailable', 'Fs: another process took this one for dead and removed what it was writing')
}
