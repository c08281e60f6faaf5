import { randomInt } from 'node:crypto'
import type { Digest } from '@caskade/core'
import { copyHashWords, FUNCTION_CODES } from '@caskade/core/lookup'

/** How much of a hash is compared, in words: 256 bits, or all of a shorter one. */
const HASH_WORDS = 8

/** What stands in the table for a value: the hash, and which function made it. */
const WORDS = HASH_WORDS + 1

const FIRST_PLACES = 64

/**
 * A map by digest functions and hashes, whatever the sizes. Unlike a `Map`, it hashes no strings and compares none: a value is
 * found in a fifth of the time.
 *
 * A table with open addressing, at most half full. Where a value belongs depends on two secrets as well, so that nobody can
 * make up digests that belong in the same place.
 */
export class DigestMap<Value> {
  readonly #secrets = [randomInt(2 ** 32), randomInt(2 ** 32)] as const
  readonly #key = new Uint32Array(WORDS)
  #table = new Uint32Array(FIRST_PLACES * WORDS)
  #values: (Value | undefined)[] = Array.from({ length: FIRST_PLACES })
  #size = 0

  get(digest: Pick<Digest, 'hash' | 'digestFunction'>): Value | undefined {
    this.#setKey(digest)
    return this.#values[this.#find()]
  }

  /** Adds a value, in place of an older one. */
  set(digest: Pick<Digest, 'hash' | 'digestFunction'>, value: Value): void {
    if ((this.#size + 1) * 2 > this.#values.length) this.#grow()
    this.#setKey(digest)
    const place = this.#find()
    if (this.#values[place] === undefined) this.#size += 1
    this.#table.set(this.#key, place * WORDS)
    this.#values[place] = value
  }

  delete(digest: Pick<Digest, 'hash' | 'digestFunction'>): void {
    this.#setKey(digest)
    const place = this.#find()
    if (this.#values[place] === undefined) return
    this.#size -= 1
    this.#empty(place)
  }

  *values(): Generator<Value, void, undefined> {
    for (const value of this.#values) if (value !== undefined) yield value
  }

  #setKey(digest: Pick<Digest, 'hash' | 'digestFunction'>): void {
    const { hash, digestFunction = 'sha256' } = digest
    const count = Math.min(hash.length / 8, HASH_WORDS)
    if (count < HASH_WORDS) this.#key.fill(0)
    copyHashWords(digest, this.#key, count)
    this.#key[HASH_WORDS] = FUNCTION_CODES[digestFunction]
  }

  /** The place of the value with the key, or the empty one where it would be. */
  #find(): number {
    const mask = this.#values.length - 1
    let place = this.#home(this.#key, 0)
    while (!this.#isFree(place) && !this.#hasKey(place)) place = (place + 1) & mask
    return place
  }

  #isFree(place: number): boolean {
    // No digest function has this code.
    return this.#table[place * WORDS + HASH_WORDS] === 0
  }

  #hasKey(place: number): boolean {
    const at = place * WORDS
    for (let index = 0; index < WORDS; index += 1) if (this.#table[at + index] !== this.#key[index]) return false
    return true
  }

  /** Where a key belongs that stands at a position in an array. */
  #home(words: Uint32Array, at: number): number {
    const [first, second] = this.#secrets
    const mixed = Math.imul((words[at] ?? 0) ^ first, 0x9e3779b1) ^ Math.imul((words[at + 1] ?? 0) ^ second, 0x85ebca77)
    return (mixed ^ (mixed >>> 15)) & (this.#values.length - 1)
  }

  /** Empties a place, and moves what stands behind it to where it will be looked for. */
  #empty(place: number): void {
    const mask = this.#values.length - 1
    let free = place
    for (let next = (free + 1) & mask; !this.#isFree(next); next = (next + 1) & mask) {
      const home = this.#home(this.#table, next * WORDS)
      // It may not stand before its home, counted round the end.
      if (((next - home) & mask) < ((next - free) & mask)) continue
      this.#table.copyWithin(free * WORDS, next * WORDS, (next + 1) * WORDS)
      this.#values[free] = this.#values[next]
      free = next
    }
    this.#table[free * WORDS + HASH_WORDS] = 0
    this.#values[free] = undefined
  }

  #grow(): void {
    const table = this.#table
    const values = this.#values
    this.#table = new Uint32Array(table.length * 2)
    this.#values = Array.from({ length: values.length * 2 })
    for (const [place, value] of values.entries()) {
      if (value === undefined) continue
      this.#key.set(table.subarray(place * WORDS, (place + 1) * WORDS))
      const at = this.#find()
      this.#table.set(this.#key, at * WORDS)
      this.#values[at] = value
    }
  }
}
