import type { Digest } from '../digest.ts'
import { CheckedHash } from './checked-hash.ts'

/** How many hexadecimal digits make a word of 32 bits. */
export const DIGITS_PER_WORD = 8

/** The longest hash there is, in words. */
export const MAX_HASH_WORDS = 16

/** Marks what is no lower-case hexadecimal digit. */
const NO_DIGIT = 0xff

/** What each character is worth as a digit. */
const DIGITS = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code))
  return value === -1 ? NO_DIGIT : value
})

/** Room for a hash as text, in UTF-8. */
const text = Buffer.alloc(MAX_HASH_WORDS * DIGITS_PER_WORD * 3)

const ignored = new Uint32Array(MAX_HASH_WORDS)

/** The last text that was found to be one: on its way to a blob, a hash is checked again and again. */
let lastLowerHex = ''

/**
 * Reads a hash that stands in bytes as text, a whole number of words long, and writes its words to `target`. Returns false
 * when it is not lower-case hexadecimal; what was written then means nothing.
 */
export function parseHashWords(
  bytes: Uint8Array,
  start: number,
  length: number,
  target: Uint32Array,
  at: number,
): boolean {
  let all = 0
  let position = start
  const words = length / DIGITS_PER_WORD
  for (let index = 0; index < words; index += 1) {
    let word = 0
    for (const end = position + DIGITS_PER_WORD; position < end; position += 1) {
      const digit = DIGITS[bytes[position] ?? 0] ?? NO_DIGIT
      all |= digit
      word = (word << 4) | digit
    }
    target[at + index] = word
  }
  return all < 16
}

/** Tells whether a text of the length of some hash is lower-case hexadecimal. In bytes that takes half of what it takes in the string. */
export function isLowerHex(hash: string): boolean {
  if (hash === lastLowerHex) return true
  // Written as UTF-8, whatever is not ASCII makes it longer.
  const isOne = text.write(hash) === hash.length && parseHashWords(text, 0, hash.length, ignored, 0)
  if (isOne) lastLowerHex = hash
  return isOne
}

/** Writes the first words of the hash of a digest that was checked, or all of them, to the beginning of `target`. */
export function copyHashWords(digest: Pick<Digest, 'hash'>, target: Uint32Array, count: number): void {
  if (CheckedHash.copyWords(digest, target, count)) return
  text.write(digest.hash, 'latin1')
  parseHashWords(text, 0, count * DIGITS_PER_WORD, target, 0)
}
