/** Gives the fields of the classes that extend it to an object that is there already. */
const Adopting = function adopt(adopted: object): object {
  return adopted
} as unknown as new (adopted: object) => object

/**
 * A note on a digest that its hash was found to be well-formed, and what it is in words of 32 bits, if that is known.
 *
 * The digest stays a plain object, equal to every other of the same content: the note is a private field, which is not
 * copied with it. It is about the hash that was looked at, not about one that somebody puts in its place.
 */
export class CheckedHash extends Adopting {
  readonly #hash: string
  readonly #words: Uint32Array | undefined
  readonly #at: number

  private constructor(digest: { readonly hash: string }, words: Uint32Array | undefined, at: number) {
    super(digest)
    this.#hash = digest.hash
    this.#words = words
    this.#at = at
  }

  /** Notes that of a digest that was just made. Its words may stand in an array with others; nobody may write to them then. */
  static note<Checked extends { readonly hash: string }>(digest: Checked, words?: Uint32Array, at = 0): Checked {
    return new CheckedHash(digest, words, at) as unknown as Checked
  }

  static isNoted(digest: { readonly hash: string }): boolean {
    return #hash in digest && digest.#hash === digest.hash
  }

  /** Copies the words of a hash; false when they are not known. */
  static copyWords(digest: { readonly hash: string }, target: Uint32Array, count: number): boolean {
    if (!(#hash in digest) || digest.#words === undefined || digest.#hash !== digest.hash) return false
    const words = digest.#words
    const at = digest.#at
    for (let index = 0; index < count; index += 1) target[index] = words[at + index] ?? 0
    return true
  }
}
