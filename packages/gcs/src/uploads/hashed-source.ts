import type { BlobSource, Digest } from '@caskade/core'
import { createHasher, digestKey, readSource, StorageError } from '@caskade/core'
import { Crc32c } from '../crc32c.ts'

/**
 * Reads a source for an upload, from its beginning or from anywhere, and hashes each byte the first time that it passes.
 *
 * The last piece is held back until all of the content is known to be what the digest says, so that an upload of anything
 * else never becomes complete.
 */
export class HashedSource {
  readonly #source: BlobSource
  readonly #digest: Digest
  readonly #hasher
  readonly #crc = new Crc32c()
  #hashedBytes = 0
  #crc32c: string | undefined

  constructor(source: BlobSource, digest: Digest) {
    this.#source = source
    this.#digest = digest
    this.#hasher = createHasher(digest.digestFunction)
  }

  /** The checksum of the content; undefined until all of it was read once. */
  get crc32c(): string | undefined {
    return this.#crc32c
  }

  /**
   * Reads what follows `offset`. Rejects as `readSource` does.
   *
   * @throws StorageError `invalid-argument` when the content is not what the digest says.
   */
  async *read(offset: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
    let end = 0
    let held: Uint8Array | undefined
    for await (const chunk of readSource(this.#source, this.#digest, { signal })) {
      const begin = end
      end += chunk.byteLength
      this.#hash(chunk, begin)
      const wanted = begin < offset ? chunk.subarray(offset - begin) : chunk
      if (wanted.byteLength === 0) continue
      if (held !== undefined) yield held
      held = wanted
    }
    this.#verify()
    if (held !== undefined) yield held
  }

  #hash(chunk: Uint8Array, begin: number): void {
    const fresh = chunk.subarray(Math.max(0, this.#hashedBytes - begin))
    if (fresh.byteLength === 0) return
    this.#hasher.update(fresh)
    this.#crc.update(fresh)
    this.#hashedBytes += fresh.byteLength
  }

  #verify(): void {
    if (this.#crc32c !== undefined) return
    const hash = this.#hasher.digest()
    if (hash !== this.#digest.hash) {
      const message = `commitWrite: the content of blob ${digestKey(this.#digest)} has another hash, ${hash}`
      throw new StorageError('invalid-argument', message, { digest: this.#digest })
    }
    this.#crc32c = this.#crc.base64()
  }
}
