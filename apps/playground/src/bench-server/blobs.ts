import { createCipheriv, createHash } from 'node:crypto'
import type { Digest } from '@caskade/core'
import { digestOf } from '@caskade/core'

/** A blob that requests are about. */
export interface Blob {
  readonly digest: Digest
  readonly bytes: Buffer
}

/** Half of the content repeats itself in pieces of this size, so that it compresses about as well as object files do. */
const PIECE_BYTES = 16

/** The first half of each piece. */
const REPEATED = Buffer.from('caskade.').readBigUInt64LE()

/** Makes blobs that differ from each other and from those of any other label; the same ones for the same seed. */
export class BlobMaker {
  readonly #seed: number
  /** Blobs of a few bytes are numbers, since random ones would repeat: where those of each label begin. */
  readonly #tinyStarts = new Map<string, number>()
  #nextTiny = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  make(label: string, count: number, sizeBytes: number): Blob[] {
    if (sizeBytes < PIECE_BYTES) return this.#makeTiny(label, count, sizeBytes)
    const key = createHash('sha256').update(`${this.#seed}/${label}/${sizeBytes}`).digest()
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
    return Array.from({ length: count }, () => {
      const bytes = halfRandom(cipher.update(Buffer.alloc(sizeBytes)))
      return { digest: digestOf(bytes), bytes }
    })
  }

  #makeTiny(label: string, count: number, sizeBytes: number): Blob[] {
    const start = this.#tinyStarts.get(label) ?? this.#nextTiny
    if (!this.#tinyStarts.has(label)) this.#nextTiny += count
    this.#tinyStarts.set(label, start)
    return Array.from({ length: count }, (_, index) => {
      const bytes = Buffer.alloc(sizeBytes)
      const width = Math.min(sizeBytes, 6)
      bytes.writeUIntLE((start + index) % 256 ** width, 0, width)
      return { digest: digestOf(bytes), bytes }
    })
  }
}

function halfRandom(bytes: Buffer): Buffer {
  for (let at = 0; at + PIECE_BYTES <= bytes.byteLength; at += PIECE_BYTES) bytes.writeBigUInt64LE(REPEATED, at)
  return bytes
}
