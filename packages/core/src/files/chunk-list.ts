/** Chunks below this size are copied together, so that a small one does not keep a large receive buffer alive. */
const COPY_BELOW_BYTES = 4 * 1024

/** The size of the buffers that small chunks are copied into. */
const SHARED_BUFFER_BYTES = 16 * 1024

/** Gathers chunks in order without copying the large ones. */
export class ChunkList {
  #chunks: Uint8Array[] = []
  #byteLength = 0
  #shared = Buffer.alloc(0)
  #sharedStart = 0
  #sharedEnd = 0

  /** The number of bytes gathered. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** Adds a chunk, which must not change afterwards. */
  push(chunk: Uint8Array): void {
    this.#byteLength += chunk.byteLength
    if (chunk.byteLength >= COPY_BELOW_BYTES) {
      this.#closeShared()
      this.#chunks.push(chunk)
      return
    }
    if (this.#sharedEnd + chunk.byteLength > this.#shared.byteLength) {
      this.#closeShared()
      this.#shared = Buffer.allocUnsafeSlow(SHARED_BUFFER_BYTES)
      this.#sharedStart = 0
      this.#sharedEnd = 0
    }
    this.#shared.set(chunk, this.#sharedEnd)
    this.#sharedEnd += chunk.byteLength
  }

  /** Returns everything gathered, and starts again with nothing. */
  take(): Uint8Array[] {
    this.#closeShared()
    const chunks = this.#chunks
    this.#chunks = []
    this.#byteLength = 0
    return chunks
  }

  #closeShared(): void {
    if (this.#sharedEnd === this.#sharedStart) return
    this.#chunks.push(this.#shared.subarray(this.#sharedStart, this.#sharedEnd))
    this.#sharedStart = this.#sharedEnd
  }
}
