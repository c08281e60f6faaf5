import { setTimeout } from 'node:timers/promises'
import { reportEvent } from '@caskade/core'
import type { OwnedDirectory } from '@caskade/core/files'
import type { AccessLog } from './access-log.ts'
import { MAX_WAITING_USES } from './access-log.ts'
import type { BlobRecords } from './blob-records.ts'
import type { OpenFiles } from './open-files.ts'
import type { WriteQueue } from './write-queue.ts'

/** How long moving uses rests after each job, in milliseconds: five times as long as a job takes. */
const REST_MS = 10

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
  #moving: Promise<boolean> | undefined
  #isMovingAll = false
  #isStopped = false

  constructor(options: HousekeeperOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.tick(), RECORD_USES_AFTER_MS).unref()
  }

  /** Ends it; resolves once all uses gathered so far are recorded. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#isStopped = true
    await this.#moving
    await this.#recordUses()
  }

  /** Takes over the uses of processes that are gone. */
  async takeOverUses(owner: OwnedDirectory): Promise<void> {
    const { accessLog, queue } = this.#options
    const gone: string[] = []
    for (const id of accessLog.owners()) if (id !== owner.id && (await owner.isGone(id))) gone.push(id)
    if (gone.length > 0) await queue.run(() => accessLog.takeOver(gone), { isDurable: false })
  }

  async tick(): Promise<void> {
    await this.#recordUses()
    void this.#moveUses()
    await this.#countRemovedFiles()
  }

  /** Waits while there are more uses than are kept in memory; asked after looking up many. */
  async recordExcess(): Promise<void> {
    await this.#recordUses(MAX_WAITING_USES)
    while (this.#options.accessLog.isExcessive && (await this.#moveSomeUses()));
  }

  /** Records the gathered uses, some in each transaction, until so many are left. */
  async #recordUses(left: number = 0): Promise<void> {
    const { accessLog, queue } = this.#options
    try {
      while (accessLog.size > left) {
        accessLog.demandRecord()
        await queue.run(() => undefined, { isDurable: false })
      }
    } catch {
      // Those that are left are recorded with the next write.
    }
  }

  /** Moves the uses that are on record, if there are many: some after each other, with rests for other work in between. */
  async #moveUses(): Promise<void> {
    if (this.#isMovingAll) return
    this.#isMovingAll = true
    while (!this.#isStopped && (await this.#moveSomeUses())) {
      if (!this.#options.accessLog.isMoveUrgent) await setTimeout(REST_MS, undefined, { ref: false })
    }
    this.#isMovingAll = false
  }

  /** Resolves to whether there was something to move, and it could be moved. Whoever calls it while it runs waits for the same. */
  #moveSomeUses(): Promise<boolean> {
    this.#moving ??= this.#moveSome().finally(() => {
      this.#moving = undefined
    })
    return this.#moving
  }

  async #moveSome(): Promise<boolean> {
    const { accessLog, queue } = this.#options
    try {
      if (!accessLog.beginMove()) return false
      accessLog.noteMoved(await queue.run((transaction) => accessLog.moveSome(transaction), { isDurable: false }))
      return true
    } catch (error) {
      // They stay on record, and those that wait for it must not wait for good.
      reportEvent({ kind: 'touch-failure', storageType: 'Sqlite', operation: 'moveUses', error })
      return false
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
