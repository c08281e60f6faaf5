import type { ActionKey } from '../action-cache-abc.ts'
import { actionKeyString } from '../action-cache-abc.ts'
import type { Digest } from '../digest.ts'
import { digestKey } from '../digest.ts'
import type { PendingBlob, PendingEntry, PendingItem } from './pending-item.ts'
import { isBlob, isEntry, memoryBytes } from './pending-item.ts'

/** How much may be kept in memory about pending writes, in bytes, roughly. */
const MAX_MEMORY_BYTES = 128 * 1024 * 1024

/** How many pending writes a {@link PendingTable} takes. */
export interface PendingLimits {
  readonly maxWrites: number
  readonly maxBytes: number
}

/** All pending writes: found by what they are of, counted, and ordered by what must arrive first. */
export class PendingTable {
  readonly #limits: PendingLimits
  readonly #blobs = new Map<string, PendingBlob>()
  readonly #entries = new Map<string, PendingEntry>()
  // Oldest first.
  readonly #items = { blob: new Set<PendingItem>(), entry: new Set<PendingItem>() }
  readonly #waiters = new Set<{ readonly isOver: () => boolean; readonly resolve: () => void }>()
  #writes = 0
  #bytes = 0
  #memoryBytes = 0
  #reservedWrites = 0
  #reservedBytes = 0
  #sequence = 0

  constructor(limits: PendingLimits) {
    this.#limits = limits
  }

  get writes(): number {
    return this.#writes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** When the oldest pending write was accepted, in milliseconds since 1970; undefined when there is none. */
  get oldestAcceptedAt(): number | undefined {
    const times = [this.#items.blob, this.#items.entry].flatMap((items) => {
      for (const { header } of items) return [header.acceptedAt]
      return []
    })
    return times.length === 0 ? undefined : Math.min(...times)
  }

  blob(digest: Digest): PendingBlob | undefined {
    const item = this.#blobs.get(digestKey(digest))
    return item?.header.digest.sizeBytes === digest.sizeBytes ? item : undefined
  }

  /** The pending blob of a hash, whatever its size. */
  blobOfHash(digest: Omit<Digest, 'sizeBytes'>): PendingBlob | undefined {
    return this.#blobs.get(digestKey({ ...digest, sizeBytes: 0 }))
  }

  entry(key: ActionKey): PendingEntry | undefined {
    return this.#entries.get(actionKeyString(key))
  }

  /** All pending writes of an entry: the latest, and an older one that was on its way when it came. */
  writesOfEntry(key: ActionKey): PendingEntry[] {
    const latest = this.entry(key)
    if (latest === undefined) return []
    const { predecessor } = latest
    return predecessor?.isSettled === false ? [latest, predecessor] : [latest]
  }

  /** What is pending now; what comes later is not among it. */
  blobs(): PendingBlob[] {
    return [...this.#blobs.values()]
  }

  /** What is pending now; what comes later is not among it. */
  entries(): PendingEntry[] {
    return [...this.#entries.values()]
  }

  /** Takes room for a write of that many bytes, until the returned function is called; undefined when there is none. */
  reserve(sizeBytes: number): (() => void) | undefined {
    const writes = this.#writes + this.#reservedWrites
    const bytes = this.#bytes + this.#reservedBytes + sizeBytes
    if (writes >= this.#limits.maxWrites || bytes > this.#limits.maxBytes) return undefined
    if (this.#memoryBytes > MAX_MEMORY_BYTES) return undefined
    this.#reservedWrites += 1
    this.#reservedBytes += sizeBytes
    return () => {
      this.#reservedWrites -= 1
      this.#reservedBytes -= sizeBytes
    }
  }

  /** A number for the next write. */
  takeSequence(): number {
    return this.#sequence++
  }

  /**
   * Enters a write. Returns one that is superfluous then: an older one, or itself. One that was adopted may be older than
   * what is there.
   */
  add(item: PendingItem, isAdopted = false): PendingItem | undefined {
    this.#items[item.header.type].add(item)
    this.#writes += 1
    this.#bytes += item.sizeBytes
    this.#memoryBytes += memoryBytes(item.header)
    if (isBlob(item)) return this.#addBlob(item)
    return isEntry(item) ? this.#addEntry(item, isAdopted) : undefined
  }

  /** Takes a write out, as arrived or no longer wanted. Returns those that nothing blocks any more. */
  remove(item: PendingItem): PendingItem[] {
    if (item.isSettled) return []
    item.isSettled = true
    item.predecessor = undefined
    this.#items[item.header.type].delete(item)
    this.#writes -= 1
    this.#bytes -= item.sizeBytes
    this.#memoryBytes -= memoryBytes(item.header)
    this.#forget(item)
    for (const waiter of this.#waiters) if (waiter.isOver()) waiter.resolve()
    for (const blocker of item.blockers) blocker.dependents.delete(item)
    return [...item.dependents].filter(({ blockers }) => {
      blockers.delete(item)
      return blockers.size === 0
    })
  }

  /** Waits until every write of some kinds that is pending now has been taken out. */
  async settled(kinds: readonly ('blob' | 'entry')[], signal?: AbortSignal): Promise<void> {
    const upTo = this.#sequence
    const isOver = (): boolean => kinds.every((kind) => !hasOlder(this.#items[kind], upTo))
    signal?.throwIfAborted()
    if (isOver()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { isOver, resolve }
    const onAbort = (): void => reject(signal?.reason)
    this.#waiters.add(waiter)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      this.#waiters.delete(waiter)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #addBlob(item: PendingBlob): PendingItem | undefined {
    const key = digestKey(item.header.digest)
    const older = this.#blobs.get(key)
    if (older !== undefined) return item
    this.#blobs.set(key, item)
    return undefined
  }

  #addEntry(item: PendingEntry, isAdopted: boolean): PendingItem | undefined {
    const key = actionKeyString(item.header.key)
    const older = this.#entries.get(key)
    if (isAdopted && older !== undefined && older.header.acceptedAt > item.header.acceptedAt) return item
    this.#entries.set(key, item)
    for (const reference of item.header.references) {
      const blob = this.blob(reference)
      if (blob !== undefined) block(item, blob)
    }
    if (older === undefined) return undefined
    const isOnItsWay = older.sending !== undefined
    const predecessor = isOnItsWay ? older : older.predecessor
    if (predecessor?.isSettled === false) {
      item.predecessor = predecessor
      block(item, predecessor)
    }
    return isOnItsWay ? undefined : older
  }

  #forget(item: PendingItem): void {
    if (isBlob(item)) {
      const key = digestKey(item.header.digest)
      if (this.#blobs.get(key) === item) this.#blobs.delete(key)
    }
    if (isEntry(item)) {
      const key = actionKeyString(item.header.key)
      if (this.#entries.get(key) === item) this.#entries.delete(key)
    }
  }
}

function block(item: PendingEntry, blocker: PendingItem): void {
  blocker.dependents.add(item)
  item.blockers.add(blocker)
}

// A set is in the order of insertion, which is that of the sequence.
function hasOlder(items: ReadonlySet<PendingItem>, upTo: number): boolean {
  for (const { sequence } of items) return sequence < upTo
  return false
}
