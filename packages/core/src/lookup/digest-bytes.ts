import type { Digest, DigestFunction } from '../digest.ts'
import { createDigest, hashLength } from '../digest.ts'
import { CheckedHash } from './checked-hash.ts'
import { DIGITS_PER_WORD, MAX_HASH_WORDS, parseHashWords } from './hash-words.ts'

/** How much text becomes one string, of which hashes are parts: a string for each costs four times as much, and one for all would be kept by each. */
const TEXT_BYTES = 1024

/** How many words stand together, likewise. */
const BLOCK_WORDS = 512

/**
 * Makes digests of hashes that stand in the bytes of a message as text. Checking many costs a third of what it costs to make a
 * string of each and to check that, and the words of the hashes are known from then on.
 */
export class DigestBytes {
  readonly #bytes: Buffer
  #text = ''
  #textStart = 0
  #block = new Uint32Array(0)
  #used = 0

  /** `bytes` must not change as long as digests are made of it. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /**
   * Makes the digest whose hash stands at `start`.
   *
   * @throws StorageError `invalid-argument` as `createDigest` does.
   */
  read(start: number, length: number, sizeBytes: number, digestFunction: DigestFunction): Digest {
    const isRight = length === hashLength(digestFunction) && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0
    if (this.#used + MAX_HASH_WORDS > this.#block.length) {
      this.#block = new Uint32Array(BLOCK_WORDS)
      this.#used = 0
    }
    const at = this.#used
    if (!isRight || !parseHashWords(this.#bytes, start, length, this.#block, at)) {
      return createDigest(this.#bytes.toString('utf8', start, start + length), sizeBytes, digestFunction)
    }
    this.#used = at + length / DIGITS_PER_WORD
    const hash = this.#slice(start, start + length)
    const digest: Digest = digestFunction === 'sha256' ? { hash, sizeBytes } : { hash, sizeBytes, digestFunction }
    return CheckedHash.note(digest, this.#block, at)
  }

  #slice(start: number, end: number): string {
    if (start < this.#textStart || end > this.#textStart + this.#text.length) {
      this.#text = this.#bytes.toString('latin1', start, start + TEXT_BYTES)
      this.#textStart = start
    }
    return this.#text.substring(start - this.#textStart, end - this.#textStart)
  }
}
