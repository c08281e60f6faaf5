import { mapLimit, reportEvent } from '@caskade/core'

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
  readonly forget: (fileIds: readonly number[]) => Promise<void>
}

/**
 * Removes, in the background, files that no row names any more.
 *
 * It waits until that is certain to last: else a power failure might bring back a row whose file is gone. What cannot be
 * removed stays listed as loose in the database and is tried again: see {@link retry}.
 */
export class FileRemover {
  readonly #options: FileRemoverOptions
  #waiting: number[] = []
  #stuck: number[] = []
  #batch: Promise<void> | undefined
  #working: Promise<void> | undefined

  constructor(options: FileRemoverOptions) {
    this.#options = options
  }

  /** Takes files that are listed as loose. */
  add(fileIds: readonly number[]): void {
    this.#waiting = this.#waiting.concat(fileIds)
    if (this.#waiting.length > 0) this.#working ??= this.#work()
  }

  /** Whether files are on their way out. */
  get isBusy(): boolean {
    return this.#working !== undefined
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

  async #removeBatch(fileIds: readonly number[]): Promise<void> {
    const left = new Set(fileIds)
    try {
      await this.#options.flushed()
      const removed = await mapLimit(fileIds, CONCURRENCY, (id) => this.#isRemoved(id))
      const gone = fileIds.filter((_, index) => removed[index])
      await this.#options.forget(gone)
      for (const id of gone) left.delete(id)
    } catch (error) {
      reportCleanupFailure(error)
    }
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
