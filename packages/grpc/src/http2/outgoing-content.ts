import type { FrameWriter } from './frame-writer.ts'

interface Outgoing {
  readonly chunk: Uint8Array
  /** Called once the chunk, and what came before it, has left. */
  readonly onTaken: (() => void) | undefined
}

/** Content that waits to be sent. */
export class OutgoingContent {
  readonly #queue: Outgoing[] = []
  /** Where in the first of the queue what is not yet sent begins. */
  #offset = 0
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Adds chunks; `onTaken` is called when the last one has left, which must not be empty, unless it is dropped before. */
  push(chunks: readonly Uint8Array[], onTaken?: () => void): void {
    for (const [index, chunk] of chunks.entries()) {
      if (chunk.byteLength === 0) continue
      this.#queue.push({ chunk, onTaken: index === chunks.length - 1 ? onTaken : undefined })
      this.#sizeBytes += chunk.byteLength
    }
  }

  /** Writes so many bytes, of those that there are, as the payload of a frame. */
  writeTo(writer: FrameWriter, bytes: number): void {
    this.#sizeBytes -= bytes
    for (let left = bytes; left > 0;) {
      const { chunk, onTaken } = this.#queue[0] as Outgoing
      const start = this.#offset
      const length = Math.min(left, chunk.byteLength - start)
      const isLast = start + length === chunk.byteLength
      const part = length === chunk.byteLength ? chunk : chunk.subarray(start, start + length)
      writer.payload(part, isLast ? onTaken : undefined)
      left -= length
      this.#offset += length
      if (!isLast) break
      this.#queue.shift()
      this.#offset = 0
    }
  }

  clear(): void {
    this.#queue.length = 0
    this.#offset = 0
    this.#sizeBytes = 0
  }
}
