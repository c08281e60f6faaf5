import type { ChunkBuffers } from './operation-options.ts'

/** What is smaller is made anew each time, in bytes: that takes no longer than looking after it. */
const SMALLEST_BYTES = 16 * 1024

/** For the largest chunk that storages make, and a byte to see whether there is more, in bytes. */
const DEFAULT_MAX_BYTES = 256 * 1024 + 4096

/** How many buffers are kept that nobody uses: 32 MiB, of which as much is memory as was used at the same time. */
const MAX_FREE = 128

/** What a {@link BufferPool} keeps. */
export interface BufferPoolOptions {
  /** What is larger is made anew each time, in bytes. Default: 260 KiB, more than the largest chunk that a file is read in. */
  readonly maxBytes?: number | undefined
}

/**
 * Buffers for content on its way to clients, which are used again and again: to read into one that was used a moment ago takes a
 * fifth of the CPU of reading into a new one, whose memory the system must find and clear first.
 */
export class BufferPool implements ChunkBuffers {
  readonly #maxBytes: number
  /** The one that was used last comes first: it is still in the cache of the processor. */
  readonly #free: Buffer[] = []
  readonly #lent = new WeakMap<ArrayBufferLike, Buffer>()

  constructor({ maxBytes = DEFAULT_MAX_BYTES }: BufferPoolOptions = {}) {
    this.#maxBytes = maxBytes
  }

  take(sizeBytes: number): Uint8Array {
    if (sizeBytes < SMALLEST_BYTES || sizeBytes > this.#maxBytes) return Buffer.allocUnsafeSlow(sizeBytes)
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#maxBytes)
    this.#lent.set(buffer.buffer, buffer)
    return buffer.subarray(0, sizeBytes)
  }

  /** Takes a buffer back of which nobody needs the content any more. Does nothing with what was not taken here. */
  giveBack({ buffer }: Uint8Array): void {
    const own = this.#lent.get(buffer)
    if (own === undefined) return
    this.#lent.delete(buffer)
    if (this.#free.length < MAX_FREE) this.#free.push(own)
  }
}
