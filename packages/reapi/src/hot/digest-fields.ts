import type { Digest, DigestFunction } from '@caskade/core'
import { DigestBytes } from '@caskade/core/lookup'
import type { ReadDigest } from './digest-message.ts'
import { HASH_TAG, SIZE_TAG } from './digest-message.ts'
import type { MessageReader } from './message-reader.ts'

/** The fields of a message that are digests: where they are, so that nothing is made of them before they are checked. */
export class DigestFields {
  /** What is told of each: where the field begins, where its hash begins and how long it is, where the field ends. */
  static readonly #NUMBERS = 4

  readonly #bytes: Buffer
  readonly #digests: DigestBytes
  readonly #places: number[] = []
  readonly #sizes: number[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#digests = new DigestBytes(bytes)
  }

  get count(): number {
    return this.#sizes.length
  }

  /** Passes over a field whose tag begins at `start` and has just been read. */
  add(reader: MessageReader, start: number): void {
    const end = reader.enter()
    let hashStart = 0
    let hashLength = 0
    let sizeBytes = 0
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === HASH_TAG) {
        const hashEnd = reader.enter()
        hashStart = reader.position
        hashLength = hashEnd - hashStart
        reader.position = hashEnd
      } else if (tag === SIZE_TAG) sizeBytes = reader.int64()
      else reader.skip(tag)
    }
    if (reader.position > end) throw new RangeError('a digest ends within a field')
    this.#places.push(start, hashStart, hashLength, end)
    this.#sizes.push(sizeBytes)
  }

  hashLength(index: number): number {
    return this.#place(index, 2)
  }

  /** Makes a digest of one; throws as `createDigest` of core does. */
  read(index: number, digestFunction: DigestFunction): Digest {
    const sizeBytes = this.#sizes[index] ?? 0
    return this.#digests.read(this.#place(index, 1), this.hashLength(index), sizeBytes, digestFunction)
  }

  /** One as it was written. */
  unchecked(index: number): ReadDigest {
    const start = this.#place(index, 1)
    const hash = this.#bytes.toString('utf8', start, start + this.hashLength(index))
    return { hash, sizeBytes: this.#sizes[index] ?? 0 }
  }

  /** What one takes, its tag and its length included, in bytes. */
  fieldBytes(index: number): number {
    return this.#place(index, 3) - this.#place(index, 0)
  }

  /** Copies one as it was written, its tag and its length included; returns where it ends. */
  copyField(index: number, target: Buffer, at: number): number {
    return at + this.#bytes.copy(target, at, this.#place(index, 0), this.#place(index, 3))
  }

  #place(index: number, which: number): number {
    return this.#places[index * DigestFields.#NUMBERS + which] ?? 0
  }
}
