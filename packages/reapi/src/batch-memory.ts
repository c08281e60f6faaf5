import type { ChunkBuffers } from '@caskade/core'
import { BufferParts } from '@caskade/core'

/** Batches of less are read into buffers of their own, in bytes: to look after them would take longer than making them. */
const SMALLEST_BYTES = 256 * 1024

/** How much is kept that nobody uses, in bytes. */
const MAX_FREE_BYTES = 32 * 1024 ** 2

/**
 * Memory for the content of batches on its way to clients, which is used again and again: reading into what was used a moment ago
 * takes half of the CPU of reading into new memory.
 */
export class BatchMemory {
  /** By size: powers of two. */
  readonly #free = new Map<number, Buffer[]>()
  #freeBytes = 0

  /** Lends memory for so many bytes; undefined for few, for which it is not worth it. */
  lend(bytes: number): BatchBuffers | undefined {
    if (bytes < SMALLEST_BYTES) return undefined
    const sizeBytes = 2 ** Math.ceil(Math.log2(bytes))
    const kept = this.#free.get(sizeBytes)?.pop()
    if (kept !== undefined) this.#freeBytes -= sizeBytes
    return new BatchBuffers(kept ?? Buffer.allocUnsafeSlow(sizeBytes), (memory) => this.#keep(memory))
  }

  #keep(memory: Buffer): void {
    const { byteLength } = memory
    if (this.#freeBytes + byteLength > MAX_FREE_BYTES) return
    const others = this.#free.get(byteLength)
    if (others === undefined) this.#free.set(byteLength, [memory])
    else others.push(memory)
    this.#freeBytes += byteLength
  }
}

/** The memory of one batch, of which each blob gets a part. */
export class BatchBuffers implements ChunkBuffers {
  readonly #onDone: (memory: Buffer) => void
  readonly #parts: BufferParts
  #memory: Buffer | undefined

  constructor(memory: Buffer, onDone: (memory: Buffer) => void) {
    this.#memory = memory
    this.#parts = new BufferParts(memory)
    this.#onDone = onDone
  }

  take(sizeBytes: number): Uint8Array {
    return this.#parts.take(sizeBytes)
  }

  /** Gives the memory back: nobody reads from it any more, nor writes to it. */
  giveBack(): void {
    if (this.#memory !== undefined) this.#onDone(this.#memory)
    this.abandon()
  }

  /** Leaves the memory to the garbage collector, because somebody may still write to it. */
  abandon(): void {
    this.#memory = undefined
    this.#parts.end()
  }
}
