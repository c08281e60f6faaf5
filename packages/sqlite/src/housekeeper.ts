import { reportEvent } from '@caskade/core'
import type { AccessLog } from './access-log.ts'
import { MAX_WAITING_USES } from './access-log.ts'
import type { BlobRecords } from './blob-records.ts'
import type { OpenFiles } from './open-files.ts'
import type { WriteQueue } from './write-queue.ts'

/** How long gathered uses wait for a write that records them with it, in milliseconds. */
export const RECORD_USES_AFTER_MS = 1000

/** What a {@link Housekeeper} needs. */
export interface HousekeeperOptions {
  readonly accessLog: AccessLog
  readonly queue: WriteQueue
  readonly blobs: BlobRecords
  readonly openFiles: OpenFiles
  /** Marks files as being worked on by this process. */
  readonly owner: string
}

/** Does every second what no caller waits for. */
export class Housekeeper {
  readonly #options: HousekeeperOptions
  readonly #timer: NodeJS.Timeout

  constructor(options: HousekeeperOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.tick(), RECORD_USES_AFTER_MS).unref()
  }

  /** Ends it; resolves once all uses gathered so far are recorded. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#recordUses()
  }

  async tick(): Promise<void> {
    await this.#recordUses()
    await this.#countRemovedFiles()
  }

  /** Waits while more uses wait to be recorded than are kept in memory; asked after looking up many. */
  recordExcess(): Promise<void> {
    return this.#recordUses(MAX_WAITING_USES)
  }

  /** Records the gathered uses, some in each transaction, until so many are left. */
  async #recordUses(left: number = 0): Promise<void> {
    const { accessLog, queue } = this.#options
    try {
      while (accessLog.size > left) await queue.run(() => undefined, { isDurable: false })
    } catch {
      // Those that are left are recorded with the next write.
    }
  }

  /** Counts again the room of files that another process removed, and that are still being read here. */
  async #countRemovedFiles(): Promise<void> {
    const { queue, blobs, openFiles, owner } = this.#options
    try {
      const removed = openFiles.takeOld().filter((file) => !blobs.isFileKnown(file))
      if (removed.length === 0) return
      await queue.run(
        (transaction) => {
          for (const { fileId, costBytes } of removed) {
            if (!openFiles.isOpen(fileId)) continue
            blobs.keepLooseFile(fileId, owner, costBytes)
            transaction.usedBytes += costBytes
            transaction.fileBytes += costBytes
            openFiles.markCounted(fileId)
          }
        },
        { isDurable: false },
      )
    } catch (error) {
      reportEvent({ kind: 'cleanup-failure', storageType: 'Sqlite', operation: 'countRemovedFiles', error })
    }
  }
}
