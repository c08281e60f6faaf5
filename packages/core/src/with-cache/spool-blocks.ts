import type { OpenFile } from '../files/file-operations.ts'

/** How much is read at once, in bytes. Each slow reader holds one block, so it is small. */
const BLOCK_BYTES = 64 * 1024

/** How many blocks are kept for readers that follow one another. */
const MAX_KEPT_BLOCKS = 32

/** The part of a spool that is in its file, read in blocks that readers at the same place share. */
export class SpoolBlocks {
  readonly #file: OpenFile
  // In the order of last use.
  readonly #blocks = new Map<number, Promise<Uint8Array>>()
  #end = 0

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** How much is in the file. */
  get end(): number {
    return this.#end
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#file.write(chunks, this.#end)
    for (const { byteLength } of chunks) this.#end += byteLength
  }

  /** Reads from a position, which is in the file, to the end of its block. */
  async read(position: number): Promise<Uint8Array> {
    const index = Math.floor(position / BLOCK_BYTES)
    const start = index * BLOCK_BYTES
    const kept = this.#blocks.get(index)
    this.#blocks.delete(index)
    const length = Math.min(BLOCK_BYTES, this.#end - start)
    const block = kept ?? this.#load(start, length)
    // One at the end of the file is not whole yet.
    if (length === BLOCK_BYTES) this.#keep(index, block)
    return (await block).subarray(position - start)
  }

  #keep(index: number, block: Promise<Uint8Array>): void {
    this.#blocks.set(index, block)
    if (this.#blocks.size <= MAX_KEPT_BLOCKS) return
    for (const oldest of this.#blocks.keys()) {
      this.#blocks.delete(oldest)
      return
    }
  }

  async #load(start: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(length)
    let filled = 0
    while (filled < length) {
      const bytesRead = await this.#file.read(buffer.subarray(filled), start + filled)
      if (bytesRead === 0) throw new Error('WithCache: its spool file is shorter than it was written')
      filled += bytesRead
    }
    return buffer
  }
}
