import { verifyBytes } from '@caskade/core'
import { LRUCache } from 'lru-cache'
import type { Item } from '../content.ts'
import type { Subject, SubjectKind } from '../subject.ts'

export const lruCacheSubject: SubjectKind = {
  name: 'lru-cache',
  packages: ['lru-cache'],
  conduct:
    'Keeps the very buffer it is given, under any key, and returns it; synchronously. Neither hashes nor streams nor copies: for put-verified and bulk-write the benchmark hashes and copies before it.',
  open: async () => new LruSubject(),
}

class LruSubject implements Subject {
  readonly #cache = new LRUCache<string, Uint8Array>({
    maxSize: 4 * 1024 ** 3,
    sizeCalculation: ({ byteLength }) => byteLength + 1,
  })

  async put({ key, bytes }: Item): Promise<void> {
    this.#cache.set(key, bytes)
  }

  async putVerified({ key, digest, bytes }: Item): Promise<void> {
    verifyBytes(digest, bytes)
    this.#cache.set(key, Buffer.from(bytes))
  }

  async get({ key }: Item): Promise<Uint8Array | undefined> {
    return this.#cache.get(key)
  }

  async has({ key }: Item): Promise<boolean> {
    // To be asked for counts as use with ours; so it does here.
    return this.#cache.has(key, { updateAgeOnHas: true })
  }

  async missing(items: readonly Item[]): Promise<number> {
    return items.filter(({ key }) => this.#cache.get(key) === undefined).length
  }

  async bulkPut(items: readonly Item[]): Promise<void> {
    for (const item of items) await this.putVerified(item)
  }

  async bulkGet(items: readonly Item[]): Promise<Uint8Array[]> {
    return items.map(({ key }) => this.#cache.get(key)).filter((bytes) => bytes !== undefined)
  }

  async close(): Promise<void> {
    this.#cache.clear()
  }
}
