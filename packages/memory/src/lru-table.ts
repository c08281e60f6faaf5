import type { Digest, Quota } from '@caskade/core'
import { isWithinLease, leaseRefusal, resolveQuota, StorageError } from '@caskade/core'
import { DigestMap } from './digest-map.ts'
import type { MemoryOptions } from './memory-options.ts'
import { QUOTA_DEFAULTS } from './memory-options.ts'
import type { Ordered } from './use-order.ts'
import { UseOrder } from './use-order.ts'

/** What an item costs besides its content, in bytes. Measured: 445 of heap for key, map entry and objects, the rest is resident memory of its buffer. */
const OVERHEAD_BYTES = 1024

/** What a value is kept under: a digest, whatever its size, or a text. */
export type TableKey = string | Pick<Digest, 'hash' | 'digestFunction'>

/** A value and what is known of it, for the table that it is in. */
export interface Item<Value> extends Ordered<Item<Value>> {
  readonly key: TableKey
  readonly value: Value
  readonly costBytes: number
  usedMs: number
  readers: number
}

/** A map with a limit in bytes, which lets go of the least recently used items to make room for new ones. */
export class LruTable<Value> {
  readonly #quota: Quota
  readonly #now: () => number
  readonly #byDigest = new DigestMap<Item<Value>>()
  readonly #byText = new Map<string, Item<Value>>()
  readonly #order = new UseOrder<Item<Value>>()
  #usedBytes = 0
  #reservedBytes = 0
  /** What was let go of while somebody was reading it. */
  #heldBytes = 0

  constructor(options: MemoryOptions) {
    this.#quota = resolveQuota('Memory', options, QUOTA_DEFAULTS)
    this.#now = options.now ?? (() => performance.now())
  }

  /** What is kept, reserved and still being read at present, overhead included. */
  get usedBytes(): number {
    return this.#usedBytes + this.#reservedBytes + this.#heldBytes
  }

  /** The size of the largest value that can be kept, in bytes. */
  get maxValueBytes(): number {
    return Math.max(this.#quota.maxBytes - OVERHEAD_BYTES, 0)
  }

  /** Finds a value and leaves its place in the order. */
  find(key: TableKey): Item<Value> | undefined {
    return typeof key === 'string' ? this.#byText.get(key) : this.#byDigest.get(key)
  }

  /** Makes a value that was found the last to go. */
  renew(item: Item<Value>): void {
    this.#order.renew(item)
    if (this.#quota.leaseMs > 0) item.usedMs = this.#now()
  }

  /** Makes a value the last to go, if there is one. */
  use(key: TableKey): void {
    const item = this.find(key)
    if (item !== undefined) this.renew(item)
  }

  /** Notes that a value is being read: it takes its room until the returned function is called, even if it is let go of. */
  hold(key: TableKey): () => void {
    const item = this.find(key)
    if (item === undefined) return () => undefined
    item.readers += 1
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      item.readers -= 1
      if (item.readers === 0 && this.find(key) !== item) this.#heldBytes -= item.costBytes
    }
  }

  /**
   * Sets room aside for content that is on its way; the returned function gives it back.
   *
   * @throws StorageError `too-large` when it can never fit, `no-space` when other content on its way takes the room, or
   * what was used within the lease.
   */
  reserve(sizeBytes: number): () => void {
    const costBytes = sizeBytes + OVERHEAD_BYTES
    const { maxBytes } = this.#quota
    if (costBytes > maxBytes) {
      throw new StorageError('too-large', `Memory: ${sizeBytes} bytes do not fit in ${maxBytes}`)
    }
    if (this.#reservedBytes + this.#heldBytes + costBytes > maxBytes) {
      throw new StorageError('no-space', 'Memory: all of it is taken by content that is being written or read')
    }
    this.#reservedBytes += costBytes
    this.#makeRoom()
    if (this.usedBytes > maxBytes) {
      this.#reservedBytes -= costBytes
      throw leaseRefusal('Memory', this.#quota)
    }
    let isReserved = true
    return () => {
      if (isReserved) this.#reservedBytes -= costBytes
      isReserved = false
    }
  }

  /** Holds a value of the given size, in place of an older one. Room for it must have been reserved, and given back just before. */
  set(key: TableKey, value: Value, sizeBytes: number): void {
    this.delete(key)
    const costBytes = sizeBytes + OVERHEAD_BYTES
    const usedMs = this.#quota.leaseMs > 0 ? this.#now() : 0
    const item: Item<Value> = { key, value, costBytes, usedMs, readers: 0, older: undefined, newer: undefined }
    if (typeof key === 'string') this.#byText.set(key, item)
    else this.#byDigest.set(key, item)
    this.#order.add(item)
    this.#usedBytes += costBytes
    this.#makeRoom()
  }

  delete(key: TableKey): void {
    const item = this.find(key)
    if (item === undefined) return
    if (typeof key === 'string') this.#byText.delete(key)
    else this.#byDigest.delete(key)
    this.#order.remove(item)
    this.#usedBytes -= item.costBytes
    if (item.readers > 0) this.#heldBytes += item.costBytes
  }

  /** All values at this moment, in no particular order. */
  *values(): Generator<Value, void, undefined> {
    // Those that are replaced meanwhile move; they must not be met again there.
    for (const { value } of [...this.#byDigest.values(), ...this.#byText.values()]) yield value
  }

  #makeRoom(): void {
    const { highBytes, lowBytes } = this.#quota
    if (this.usedBytes <= highBytes) return
    for (let item = this.#order.oldest; item !== undefined; item = this.#order.oldest) {
      if (this.usedBytes <= lowBytes || this.#isLeased(item)) return
      this.delete(item.key)
    }
  }

  #isLeased({ usedMs }: Item<Value>): boolean {
    const { leaseMs } = this.#quota
    if (leaseMs === 0) return false
    return isWithinLease(this.#now() - usedMs, leaseMs)
  }
}
