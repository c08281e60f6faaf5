import type { ActionCacheABC } from '../action-cache-abc.ts'
import type { FileOperations } from '../files/file-operations.ts'
import type { StorageABC } from '../storage-abc.ts'
import { StorageError } from '../storage-error.ts'
import { reportEvent } from '../storage-events.ts'
import { sourceOfContent } from './deferred-content.ts'
import { Delivery } from './delivery.ts'
import type { Hold } from './hold.ts'
import { holdItems } from './hold.ts'
import { JournalError } from './journal-error.ts'
import { Journal } from './journal.ts'
import { JournalRoom } from './journal-room.ts'
import type { BlobHeader, EntryHeader } from './journal-record.ts'
import type { JournalLane } from './journal-lane.ts'
import type { LiveRecord } from './live-record.ts'
import { isBlob, isEntry, PendingItem } from './pending-item.ts'
import type { PendingLimits } from './pending-table.ts'
import { PendingTable } from './pending-table.ts'

/** Where pending writes go. A half that is not there is waited for. */
export interface DeliveryTargets {
  storage?: StorageABC | undefined
  actionCache?: ActionCacheABC | undefined
}

/** What {@link PendingWrites} are opened with. */
export interface PendingWritesOptions extends PendingLimits {
  readonly directory: string
  readonly concurrency: number
  readonly files: FileOperations
  readonly targets: DeliveryTargets
  /** Keeps their owner from stopping while something is being done. */
  readonly holding: (operation: () => Promise<void>) => Promise<void>
}

/** The pending writes of a process: what is known of them, the journal they are in, and their delivery. */
export class PendingWrites {
  readonly table: PendingTable
  readonly delivery: Delivery
  readonly #options: PendingWritesOptions
  readonly #room: JournalRoom
  #journal: Journal | undefined

  private constructor(options: PendingWritesOptions) {
    this.#options = options
    this.#room = new JournalRoom(options.directory)
    this.table = new PendingTable(options)
    this.delivery = new Delivery({
      concurrency: options.concurrency,
      send: (item, signal) => this.#send(item, signal),
      onArrival: (item) => this.#settle(item),
      onLoss: (item, error) => this.lose(item, error),
    })
  }

  /** Opens the journal and takes up what is in it. */
  static async open(options: PendingWritesOptions): Promise<PendingWrites> {
    const writes = new PendingWrites(options)
    writes.#journal = await Journal.open(options.directory, options.files, (lanes) => writes.#take(lanes))
    await writes.#journal.adopt()
    return writes
  }

  /** Closes the journal. What is still pending stays in it. */
  async close(): Promise<void> {
    await this.#journal?.close()
  }

  /** Journals a write, unless there is no room for it or the journal cannot be written; tells whether it is accepted. */
  async admit(sizeBytes: number, journal: (lane: JournalLane) => Promise<LiveRecord>): Promise<boolean> {
    const lane = this.#journal?.lane
    const release = this.table.reserve(sizeBytes)
    if (release === undefined || lane === undefined) return false
    try {
      if (!(await this.#room.fits(sizeBytes, this.table.bytes))) return false
      this.#enter(lane, await journal(lane))
      return true
    } catch (error) {
      if (!(error instanceof JournalError)) throw error
      reportEvent({ kind: 'deferred-failure', storageType: 'WithCache', operation: 'journal', error })
      return false
    } finally {
      release()
    }
  }

  /** Gives up a write whose content is no longer to be had. */
  lose(item: PendingItem, error: unknown): void {
    const digest = isBlob(item) ? item.header.digest : undefined
    reportEvent({ kind: 'corrupt', storageType: 'WithCache', operation: 'journal', digest, error })
    this.#settle(item)
  }

  /** Keeps writes from arriving while it is being decided whether they are still wanted. */
  hold(items: readonly PendingItem[], isConcerned: (header: BlobHeader | EntryHeader) => boolean): Promise<Hold> {
    return holdItems(items, {
      cancel: async (item) => {
        this.#remove(item)
        await item.lane.settle(item.record)
      },
      resume: (item) => this.delivery.add(item),
      flushSettled: async () => this.#journal?.flushSettled(isConcerned),
    })
  }

  /** Enters what lanes hold that other processes, or earlier runs, left: in the order in which it was accepted. */
  #take(lanes: readonly JournalLane[]): void {
    for (const { lane, record } of inOrder(lanes)) this.#enter(lane, record, true)
  }

  #enter(lane: JournalLane, record: LiveRecord, isAdopted = false): void {
    const item = new PendingItem(lane, record, this.table.takeSequence())
    const superfluous = this.table.add(item, isAdopted)
    if (superfluous !== undefined) this.#settle(superfluous)
    if (item.blockers.size === 0 && !item.isSettled) this.delivery.add(item)
  }

  async #send(item: PendingItem, signal: AbortSignal): Promise<void> {
    const { targets, files } = this.#options
    if (isBlob(item)) {
      if (targets.storage === undefined) throw noTargetError()
      await targets.storage.commitWrite(item.header.digest, sourceOfContent(item, files), { signal })
      return
    }
    if (!isEntry(item)) return
    const { key, references, metadata, ifAbsent } = item.header
    const bytes = await item.lane.readContent(item.record).catch((error: unknown) => {
      item.isLost = StorageError.is(error, 'corrupt')
      throw error
    })
    if (targets.actionCache === undefined) throw noTargetError()
    await targets.actionCache.update(key, { bytes, references, metadata }, { ifAbsent, signal })
  }

  #settle(item: PendingItem): void {
    this.#remove(item)
    // Should the journal not learn of it, the write is sent again after the next start.
    void this.#options
      .holding(() => item.lane.settle(item.record))
      .catch((error: unknown) => {
        reportEvent({ kind: 'cleanup-failure', storageType: 'WithCache', operation: 'journal', error })
      })
  }

  #remove(item: PendingItem): void {
    for (const unblocked of this.table.remove(item)) this.delivery.add(unblocked)
  }
}

/** Blobs come before entries of the same time; a clock that went back does not change the order within a lane. */
function inOrder(lanes: readonly JournalLane[]): { readonly lane: JournalLane; readonly record: LiveRecord }[] {
  const found = lanes.flatMap((lane) => {
    let latest = 0
    return lane.live.map((record) => {
      latest = Math.max(latest, record.header.acceptedAt)
      return { lane, record, acceptedAt: latest, rank: record.header.type === 'blob' ? 0 : 1 }
    })
  })
  return found.toSorted((left, right) => left.acceptedAt - right.acceptedAt || left.rank - right.rank)
}

function noTargetError(): StorageError {
  return new StorageError('not-running', 'WithCache: there is nobody to deliver to')
}
