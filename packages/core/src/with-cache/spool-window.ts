/** How large a chunk may be, in bytes; larger ones are divided, so that letting go of a part frees memory. */
const MAX_CHUNK_BYTES = 64 * 1024

/** The newest part of growing content, in chunks. */
export class SpoolWindow {
  #chunks: Uint8Array[] = []
  #start = 0
  #end = 0

  /** Where in the content the window begins. */
  get start(): number {
    return this.#start
  }

  /** How much was ever added. */
  get end(): number {
    return this.#end
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; at += MAX_CHUNK_BYTES) {
      this.#chunks.push(chunk.subarray(at, at + MAX_CHUNK_BYTES))
    }
    this.#end += chunk.byteLength
  }

  /** What of a chunk lies at and behind a position in the window; undefined at its end. */
  chunkAt(position: number): Uint8Array | undefined {
    if (position >= this.#end) return undefined
    // Readers are mostly at the end, where the newest chunk is.
    let start = this.#end
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index] as Uint8Array
      start -= chunk.byteLength
      if (start <= position) return start === position ? chunk : chunk.subarray(position - start)
    }
    return undefined
  }

  /** Everything from a position on. */
  chunksFrom(position: number): Uint8Array[] {
    const chunks: Uint8Array[] = []
    let start = this.#start
    for (const chunk of this.#chunks) {
      const end = start + chunk.byteLength
      if (end > position) chunks.push(start >= position ? chunk : chunk.subarray(position - start))
      start = end
    }
    return chunks
  }

  /** Forgets whole chunks before a position. */
  letGo(before: number): void {
    let count = 0
    for (const { byteLength } of this.#chunks) {
      if (this.#start + byteLength > before) break
      this.#start += byteLength
      count += 1
    }
    if (count > 0) this.#chunks.splice(0, count)
  }

  clear(): void {
    this.#chunks = []
    this.#start = this.#end
  }
}
