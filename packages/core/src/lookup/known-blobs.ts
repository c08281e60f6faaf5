import type { Digest } from '../digest.ts'
import { FUNCTION_CODES } from './function-codes.ts'
import { copyHashWords } from './hash-words.ts'

/** How many blobs whose keys begin alike are remembered at most. */
const WAYS = 8

/** What is compared: 128 bits of the hash, and a word for size and digest function. */
const KEY_WORDS = 5

/** What a blob takes: its key, and a time. */
const WORDS = KEY_WORDS + 1

const HASH_WORDS = KEY_WORDS - 1

/** Larger blobs are not remembered, so that their size and a digest function fit in a word; there are few of them. */
const MAX_SIZE_BYTES = 2 ** 29

/** What sizes are multiplied by, so that the code of a digest function stands beside them. */
const CODES = 8

/** How many sets of {@link WAYS} there are at first. */
const FIRST_SETS = 4

/**
 * Remembers what was found out about blobs in a storage, each with a time in seconds; for those that are absent, whoever keeps it
 * may choose a time that no other has. It forgets some when there are many, those with the earliest times first. Whoever keeps
 * one has to see to it that nothing is remembered that no longer holds.
 *
 * One typed array, of 24 bytes for a blob and at most half empty once it has grown: a map of a million digests would cost the
 * heap 150 MiB and the collector 100 ms.
 */
export class KnownBlobs {
  readonly #maxSets: number
  readonly #key = new Uint32Array(KEY_WORDS)
  #sets = 0
  #table = new Uint32Array(0)

  /** Remembers so many blobs at most, a power of two. */
  constructor(maxBlobs: number) {
    this.#maxSets = Math.max(FIRST_SETS, maxBlobs / WAYS)
  }

  /** The time that was noted for a blob, in seconds; undefined when nothing is known of it. */
  find(digest: Digest): number | undefined {
    if (!this.#setKey(digest)) return undefined
    const at = this.#find()
    return at === -1 ? undefined : (this.#table[at + KEY_WORDS] ?? 0) - 1
  }

  /** Notes that a blob is there. `seconds` must be less than 2 ** 32 - 1. */
  note(digest: Digest, seconds: number): void {
    if (!this.#setKey(digest)) return
    const found = this.#find()
    const at = found === -1 ? this.#claim() : found
    this.#table.set(this.#key, at)
    // 0 marks an empty place.
    this.#table[at + KEY_WORDS] = Math.max(seconds, 0) + 1
  }

  /** Forgets one blob, because it is gone or about to go. */
  forget(digest: Digest): void {
    if (!this.#setKey(digest)) return
    const at = this.#find()
    if (at !== -1) this.#table.fill(0, at, at + WORDS)
  }

  /** Forgets all. */
  clear(): void {
    this.#sets = 0
    this.#table = new Uint32Array(0)
  }

  /** Sets the key that is looked for; false for a blob that is never remembered. */
  #setKey(digest: Digest): boolean {
    const { sizeBytes, digestFunction = 'sha256' } = digest
    if (sizeBytes >= MAX_SIZE_BYTES) return false
    copyHashWords(digest, this.#key, HASH_WORDS)
    this.#key[HASH_WORDS] = sizeBytes * CODES + FUNCTION_CODES[digestFunction]
    return true
  }

  /** Where the blob with the key is; -1 when it is not there. */
  #find(): number {
    if (this.#sets === 0) return -1
    const key = this.#key
    const table = this.#table
    const first = this.#firstOf(key[0] ?? 0)
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
      if (
        table[at] === key[0] &&
        table[at + 1] === key[1] &&
        table[at + 2] === key[2] &&
        table[at + 3] === key[3] &&
        table[at + 4] === key[4] &&
        table[at + KEY_WORDS] !== 0
      ) {
        return at
      }
    }
    return -1
  }

  /** A place for the blob with the key: an empty one, or one in a larger table, or else that of the blob with the earliest time. */
  #claim(): number {
    for (;;) {
      if (this.#sets > 0) {
        const at = this.#earliest(this.#firstOf(this.#key[0] ?? 0))
        if (this.#table[at + KEY_WORDS] === 0 || this.#sets >= this.#maxSets) return at
      }
      this.#grow()
    }
  }

  #earliest(first: number): number {
    let earliest = first
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
      if ((this.#table[at + KEY_WORDS] ?? 0) < (this.#table[earliest + KEY_WORDS] ?? 0)) earliest = at
    }
    return earliest
  }

  #grow(): void {
    const old = this.#table
    this.#sets = this.#sets === 0 ? FIRST_SETS : this.#sets * 2
    this.#table = new Uint32Array(this.#sets * WAYS * WORDS)
    for (let from = 0; from < old.length; from += WORDS) {
      if (old[from + KEY_WORDS] === 0) continue
      // What shared a set has at least as much room in the two that it is divided among.
      const at = this.#earliest(this.#firstOf(old[from] ?? 0))
      this.#table.set(old.subarray(from, from + WORDS), at)
    }
  }

  #firstOf(word: number): number {
    return (word & (this.#sets - 1)) * WAYS * WORDS
  }
}
