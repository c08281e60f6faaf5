import { ChunkList } from './chunk-list.ts'
import type { OpenFile } from './file-operations.ts'

/** How much is gathered before it is written, in bytes: 16 KiB frames written one by one cost twice the CPU. */
const WRITE_BYTES = 256 * 1024

/** Appends chunks to a file in large writes, of which one is under way while the next is gathered. */
export class FileWriter {
  readonly #file: OpenFile
  readonly #gathered = new ChunkList()
  #position = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** Takes a chunk, which must not change afterwards. Waits while more than one large write is outstanding. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#gathered.push(chunk)
    if (this.#gathered.byteLength < WRITE_BYTES) return
    await this.#writing
    this.#writing = this.#writeGathered()
    // A failure is seen by the next append, or by flush.
    this.#writing.catch(() => undefined)
  }

  /** Waits until everything appended has been written. */
  async flush(): Promise<void> {
    await this.#writing
    await this.#writeGathered()
  }

  async #writeGathered(): Promise<void> {
    const position = this.#position
    this.#position += this.#gathered.byteLength
    await this.#file.write(this.#gathered.take(), position)
  }
}
