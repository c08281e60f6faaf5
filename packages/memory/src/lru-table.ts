import { StorageError } from '@caskade/core'

/** What an item costs besides its content, in bytes. Measured: 445 of heap for key, map entry and objects, the rest is resident memory of its buffer. */
const OVERHEAD_BYTES = 1024

interface Item<Value> {
  readonly value: Value
  readonly costBytes: number
}

/** A map with a limit in bytes, which lets go of the least recently used items to make room for new ones. */
export class LruTable<Value> {
  readonly maxBytes: number
  /** In order of use: the first is the next to go. */
  readonly #items = new Map<string, Item<Value>>()
  #usedBytes = 0
  #reservedBytes = 0

  constructor(maxBytes: number) {
    if (!(maxBytes >= 0)) throw new StorageError('invalid-argument', 'Memory: maxBytes must be a number of bytes')
    this.maxBytes = maxBytes
  }

  /** What is held and reserved at present, overhead included. */
  get usedBytes(): number {
    return this.#usedBytes + this.#reservedBytes
  }

  /** The size of the largest value that can be kept, in bytes. */
  get maxValueBytes(): number {
    return Math.max(this.maxBytes - OVERHEAD_BYTES, 0)
  }

  /** Makes a value the last to go. */
  use(key: string): void {
    const item = this.#items.get(key)
    if (item === undefined) return
    this.#items.delete(key)
    this.#items.set(key, item)
  }

  /** Returns a value and leaves its place in the order. */
  peek(key: string): Value | undefined {
    return this.#items.get(key)?.value
  }

  /**
   * Sets room aside for content that is on its way; the returned function gives it back.
   *
   * @throws StorageError `too-large` when it can never fit, `no-space` when other content on its way takes the room.
   */
  reserve(sizeBytes: number): () => void {
    const costBytes = sizeBytes + OVERHEAD_BYTES
    if (costBytes > this.maxBytes) {
      throw new StorageError('too-large', `Memory: ${sizeBytes} bytes do not fit in ${this.maxBytes}`)
    }
    if (this.#reservedBytes + costBytes > this.maxBytes) {
      throw new StorageError('no-space', 'Memory: all of it is taken by content that is being written')
    }
    this.#reservedBytes += costBytes
    this.#makeRoom()
    let isReserved = true
    return () => {
      if (isReserved) this.#reservedBytes -= costBytes
      isReserved = false
    }
  }

  /** Holds a value of the given size, in place of an older one. Room for it must have been reserved, and given back just before. */
  set(key: string, value: Value, sizeBytes: number): void {
    this.delete(key)
    const costBytes = sizeBytes + OVERHEAD_BYTES
    this.#items.set(key, { value, costBytes })
    this.#usedBytes += costBytes
    this.#makeRoom()
  }

  delete(key: string): void {
    const item = this.#items.get(key)
    if (item === undefined) return
    this.#items.delete(key)
    this.#usedBytes -= item.costBytes
  }

  /** All values, the next to go first. What comes or goes meanwhile may or may not be among them. */
  *values(): Generator<Value, void, undefined> {
    for (const { value } of this.#items.values()) yield value
  }

  #makeRoom(): void {
    for (const key of this.#items.keys()) {
      if (this.usedBytes <= this.maxBytes) return
      this.delete(key)
    }
  }
}
