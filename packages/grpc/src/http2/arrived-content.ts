/** Pieces are put together in buffers of this size, in bytes. */
const BUFFER_BYTES = 16 * 1024

/**
 * Content that has arrived and cannot be delivered yet. It is copied: a piece may be a byte that keeps a whole buffer of a
 * socket in memory, and a buffer for each would take a hundred times what is in it.
 */
export class ArrivedContent {
  /** The last one may have room for more. */
  #buffers: Buffer[] = []
  /** How much of the last one is filled. */
  #filledBytes = 0
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  push(piece: Buffer): void {
    this.#sizeBytes += piece.byteLength
    for (let at = 0; at < piece.byteLength;) {
      const last = this.#lastWithRoom()
      const copied = piece.copy(last, this.#filledBytes, at)
      this.#filledBytes += copied
      at += copied
    }
  }

  /** Takes the oldest out, as much as is together; undefined when there is nothing. */
  shift(): Buffer | undefined {
    const first = this.#buffers.shift()
    const piece = this.#buffers.length === 0 ? first?.subarray(0, this.#filledBytes) : first
    this.#sizeBytes -= piece?.byteLength ?? 0
    return piece
  }

  clear(): void {
    this.#buffers = []
    this.#sizeBytes = 0
  }

  #lastWithRoom(): Buffer {
    const last = this.#buffers.at(-1)
    if (last !== undefined && this.#filledBytes < last.byteLength) return last
    const next = Buffer.allocUnsafeSlow(BUFFER_BYTES)
    this.#buffers.push(next)
    this.#filledBytes = 0
    return next
  }
}
