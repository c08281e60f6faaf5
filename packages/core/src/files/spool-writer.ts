import type { OpenFile } from './file-operations.ts'

/** How much is gathered before it is written, in bytes: 16 KiB frames written one by one cost twice the CPU. */
const WRITE_BYTES = 256 * 1024

/** What a writer that gathers takes of memory, in bytes: one buffer is written while the next is filled. */
export const SPOOL_MEMORY_BYTES: number = 2 * WRITE_BYTES

/**
 * Appends chunks to a file by way of two buffers that are used in turns. To copy a chunk there costs less than a buffer of its own
 * until it is written: whoever made the chunk can use its memory again at once.
 */
export class SpoolWriter {
  readonly #file: OpenFile
  #position = 0
  #gathering: Buffer | undefined
  #gatheredBytes = 0
  /** Written, or being so. */
  #other: Buffer | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** Takes a chunk, which may change once this has resolved. Waits while more than one large write is outstanding. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength;) {
      this.#gathering ??= Buffer.allocUnsafeSlow(WRITE_BYTES)
      const part = chunk.subarray(at, at + WRITE_BYTES - this.#gatheredBytes)
      this.#gathering.set(part, this.#gatheredBytes)
      at += part.byteLength
      this.#gatheredBytes += part.byteLength
      if (this.#gatheredBytes === WRITE_BYTES) await this.#writeGathered()
    }
  }

  /** Writes chunks without gathering them. They may change once this has resolved. */
  async writeThrough(chunks: readonly Uint8Array[]): Promise<void> {
    await this.flush()
    const position = this.#position
    for (const { byteLength } of chunks) this.#position += byteLength
    await this.#file.write(chunks, position)
  }

  /** Waits until everything appended has been written, and keeps no memory. */
  async flush(): Promise<void> {
    if (this.#gatheredBytes > 0) await this.#writeGathered()
    await this.#writing
    this.#gathering = undefined
    this.#other = undefined
  }

  async #writeGathered(): Promise<void> {
    await this.#writing
    const gathered = (this.#gathering as Buffer).subarray(0, this.#gatheredBytes)
    this.#writing = this.#file.write([gathered], this.#position)
    // A failure is seen by the next write, or by flush.
    this.#writing.catch(() => undefined)
    this.#position += gathered.byteLength
    const written = this.#gathering
    this.#gathering = this.#other
    this.#other = written
    this.#gatheredBytes = 0
  }
}
