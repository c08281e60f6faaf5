import { mapLimit, reportEvent } from '@caskade/core'
import type { BlobRecords } from './blob-records.ts'
import type { LooseFile, Transaction } from './write-queue.ts'

/** How many files are removed at once. */
const CONCURRENCY = 4

/** How many files are removed before the room they took is given back. */
const BATCH_SIZE = 64

/** What a {@link FileRemover} needs. */
export interface FileRemoverOptions {
  /** Waits until everything committed so far would survive a power failure. */
  readonly flushed: () => Promise<void>
  /** Removes a file; succeeds when it is not there. */
  readonly remove: (fileId: number) => Promise<void>
  /** Strikes removed files off the list of loose ones. */
  readonly forget: (files: readonly LooseFile[]) => Promise<void>
}

/**
 * Removes, in the background, files that no row names any more.
 *
 * It waits until that is certain to last: else a power failure might bring back a row whose file is gone. What cannot be
 * removed stays listed as loose in the database and is tried again: see {@link retry}.
 */
export class FileRemover {
  readonly #options: FileRemoverOptions
  #waiting: LooseFile[] = []
  #stuck: LooseFile[] = []
  #leavingBytes = 0
  #batch: Promise<void> | undefined
  #working: Promise<void> | undefined

  constructor(options: FileRemoverOptions) {
    this.#options = options
  }

  /** Takes files that are listed as loose. */
  add(files: readonly LooseFile[]): void {
    this.#leavingBytes += sumOf(files)
    this.#waiting = this.#waiting.concat(files)
    if (this.#waiting.length > 0) this.#working ??= this.#work()
  }

  /** What the files on their way out take of the quota, in bytes, until they are gone or turn out to be stuck. */
  get leavingBytes(): number {
    return this.#leavingBytes
  }

  /** Waits until some more files are gone, or cannot be removed. */
  async progress(): Promise<void> {
    await this.#batch
  }

  /** Tries again what could not be removed. */
  retry(): void {
    const stuck = this.#stuck
    this.#stuck = []
    this.add(stuck)
  }

  /** Waits until everything was tried. What is left then stays listed as loose. */
  async drain(): Promise<void> {
    this.retry()
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#batch = this.#removeBatch(this.#waiting.splice(0, BATCH_SIZE))
      await this.#batch
    }
    this.#batch = undefined
    this.#working = undefined
  }

  async #removeBatch(files: readonly LooseFile[]): Promise<void> {
    const left = new Set(files)
    try {
      await this.#options.flushed()
      const removed = await mapLimit(files, CONCURRENCY, ({ id }) => this.#isRemoved(id))
      const gone = files.filter((_, index) => removed[index])
      await this.#options.forget(gone)
      for (const file of gone) left.delete(file)
    } catch (error) {
      reportCleanupFailure(error)
    }
    this.#leavingBytes -= sumOf(files)
    this.#stuck.push(...left)
  }

  async #isRemoved(fileId: number): Promise<boolean> {
    try {
      await this.#options.remove(fileId)
      return true
    } catch (error) {
      reportCleanupFailure(error)
      return false
    }
  }
}

function reportCleanupFailure(error: unknown): void {
  reportEvent({ kind: 'cleanup-failure', storageType: 'Sqlite', operation: 'removeFiles', error })
}

function sumOf(files: readonly LooseFile[]): number {
  return files.reduce((sum, { costBytes }) => sum + costBytes, 0)
}

/** Forgets files that were removed, within a transaction; what they took is free. */
export function forgetFiles(files: readonly LooseFile[], transaction: Transaction, blobs: BlobRecords): void {
  for (const { id, costBytes } of files) {
    const freedBytes = blobs.removeLooseFile(id) ?? 0
    transaction.usedBytes -= freedBytes
    transaction.fileBytes -= freedBytes
    transaction.leavingBytes -= costBytes
  }
}
