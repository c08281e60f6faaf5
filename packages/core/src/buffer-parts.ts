import type { ChunkBuffers } from './operation-options.ts'

/** Lends the parts of one buffer, one after the other, and new ones once there is no room left. */
export class BufferParts implements ChunkBuffers {
  #rest: Uint8Array

  constructor(buffer: Uint8Array) {
    this.#rest = buffer
  }

  take(sizeBytes: number): Uint8Array {
    if (sizeBytes > this.#rest.byteLength) return Buffer.allocUnsafeSlow(sizeBytes)
    const part = this.#rest.subarray(0, sizeBytes)
    this.#rest = this.#rest.subarray(sizeBytes)
    return part
  }

  /** From here on lends new buffers only. */
  end(): void {
    this.#rest = new Uint8Array(0)
  }
}
