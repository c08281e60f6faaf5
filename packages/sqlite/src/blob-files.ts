import { sep } from 'node:path'
import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { formatDigest, isErrnoException } from '@caskade/core'
import type { FileOperations, FileRead, OpenFile } from '@caskade/core/files'
import { fileError, placeContent, QuickReads, SyncGroup, unlinkIfThere } from '@caskade/core/files'

const FOLDERS = 256

/**
 * The files beside the database, each named by the id that the database gave it.
 *
 * An id is used for one file only, so writing and removing never meet, and a file is invisible until a row names it.
 */
export class BlobFiles {
  readonly #directory: string
  readonly #files: FileOperations
  /** Reads on the event loop, as long as that is quick. */
  readonly quick: QuickReads
  readonly #prepared = new Map<string, Promise<void>>()
  readonly #folderSyncs = new Map<string, SyncGroup>()

  constructor(directory: string, files: FileOperations) {
    this.#directory = directory
    this.#files = files
    this.quick = new QuickReads(files.blocking)
  }

  /** Reads a file from its start without waiting, until `buffer` is full or it ends; undefined when it has to be opened for that. */
  readQuickly(id: number, buffer: Uint8Array): FileRead | undefined {
    return this.quick.read(this.#path(id), buffer, 0)
  }

  /** Opens a file to read it; undefined when it is not there. */
  async open(id: number, digest: Digest): Promise<OpenFile | undefined> {
    try {
      return await this.#files.open(this.#path(id), 'read')
    } catch (error) {
      if (isErrnoException(error, 'ENOENT')) return undefined
      throw fileError(error, `Sqlite: cannot open the file of blob ${formatDigest(digest)}`, digest)
    }
  }

  /** Writes the content of a blob, and waits until it would survive a power failure. Leaves nothing when it fails. */
  async write(id: number, digest: Digest, source: BlobSource, options: OperationOptions): Promise<void> {
    try {
      await attempt(digest, this.#prepareFolder(id))
      // What a power failure may have left under an id that the database does not remember having given is replaced.
      await placeContent(this.#path(id), digest, source, {
        files: this.#files,
        signal: options.signal,
        attempt: (operation) => attempt(digest, operation),
      })
      await attempt(digest, this.#syncFolder(id))
    } catch (error) {
      // It stays listed as loose if it cannot be removed now; what failed the write is worth more to the caller.
      await this.remove(id).catch(() => undefined)
      throw error
    }
  }

  /** Removes a file; succeeds when it is not there. */
  async remove(id: number): Promise<void> {
    try {
      await unlinkIfThere(this.#files, this.#path(id))
    } catch (error) {
      throw fileError(error, `Sqlite: cannot remove file ${id}`)
    }
  }

  /** Creates the folder of a file, once in the life of the process, and makes sure that it lasts. */
  #prepareFolder(id: number): Promise<void> {
    const folder = this.#folder(id)
    let preparing = this.#prepared.get(folder)
    if (preparing === undefined) {
      preparing = this.#files.createDirectory(folder).then(() => this.#files.syncDirectory(this.#directory))
      preparing.catch(() => this.#prepared.delete(folder))
      this.#prepared.set(folder, preparing)
    }
    return preparing
  }

  #syncFolder(id: number): Promise<void> {
    const folder = this.#folder(id)
    let group = this.#folderSyncs.get(folder)
    if (group === undefined) {
      group = new SyncGroup(() => this.#files.syncDirectory(folder))
      this.#folderSyncs.set(folder, group)
    }
    return group.request()
  }

  #path(id: number): string {
    return `${this.#folder(id)}${sep}${id}`
  }

  // Consecutive ids share a folder, so that files written together share its sync.
  #folder(id: number): string {
    return `${this.#directory}${sep}${(Math.floor(id / 256) % FOLDERS).toString(16).padStart(2, '0')}`
  }
}

/** Waits for an operation on the file of a blob. What a source or a signal fails with must not come here: it is not ours to describe. */
async function attempt<Result>(digest: Digest, operation: Promise<Result>): Promise<Result> {
  try {
    return await operation
  } catch (error) {
    throw fileError(error, `Sqlite: cannot write the file of blob ${formatDigest(digest)}`, digest)
  }
}
