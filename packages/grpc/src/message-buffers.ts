/** What is smaller is made anew each time, in bytes: that takes no longer than looking after it. */
const SMALLEST_BYTES = 4 * 1024

/** Sizes are rounded up to a multiple of this, in bytes, so that messages of about one size share their buffers. */
const STEP_BYTES = 4 * 1024

/** What is larger is made anew each time, in bytes. */
const LARGEST_BYTES = 64 * 1024

/** How much is kept that nobody uses, in bytes. */
const MAX_FREE_BYTES = 4 * 1024 * 1024

/**
 * Buffers for messages that arrive in pieces, which are used again once a handler says that it is done with one. Made anew, each
 * would cost the garbage collector more than what is in it costs to copy.
 */
export class MessageBuffers {
  /** By how many steps they have; the one that was used last comes first. */
  readonly #free: Buffer[][] = Array.from({ length: LARGEST_BYTES / STEP_BYTES + 1 }, () => [])
  #freeBytes = 0
  readonly #lent = new WeakMap<ArrayBufferLike, Buffer>()

  /** A buffer of exactly so many bytes, with whatever in it. One that is not given back is the garbage collector's. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes < SMALLEST_BYTES || sizeBytes > LARGEST_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
    const steps = Math.ceil(sizeBytes / STEP_BYTES)
    const buffer = this.#takeFree(steps) ?? Buffer.allocUnsafeSlow(steps * STEP_BYTES)
    this.#lent.set(buffer.buffer, buffer)
    return buffer.subarray(0, sizeBytes)
  }

  /** Takes back the buffer that these bytes are in, of which nobody needs any. Does nothing with what was not taken here. */
  giveBack({ buffer }: Uint8Array): void {
    const own = this.#lent.get(buffer)
    if (own === undefined) return
    this.#lent.delete(buffer)
    if (this.#freeBytes + own.byteLength > MAX_FREE_BYTES) return
    this.#freeBytes += own.byteLength
    this.#free[own.byteLength / STEP_BYTES]?.push(own)
  }

  #takeFree(steps: number): Buffer | undefined {
    const buffer = this.#free[steps]?.pop()
    this.#freeBytes -= buffer?.byteLength ?? 0
    return buffer
  }
}
