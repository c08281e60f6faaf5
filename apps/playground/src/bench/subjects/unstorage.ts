import { mapLimit, verifyBytes } from '@caskade/core'
import type { Storage } from 'unstorage'
import { createStorage } from 'unstorage'
import fsDriver from 'unstorage/drivers/fs'
import type { Item } from '../content.ts'
import type { Subject, SubjectKind } from '../subject.ts'

/** How many single operations stand for one in bulk, which it has for text alone: as many as ours has at once. */
const BULK_CONCURRENCY = 16

export const unstorageSubject: SubjectKind = {
  name: 'unstorage, fs',
  packages: ['unstorage'],
  conduct:
    'Plain files in one folder, written in place: a crash leaves half a file, a power failure nothing. Neither hashes nor verifies nor streams nor evicts; the benchmark hashes before put-verified and bulk-write.',
  open: async (folder) => new UnstorageSubject(createStorage({ driver: fsDriver({ base: folder }) })),
}

class UnstorageSubject implements Subject {
  readonly #storage: Storage

  constructor(storage: Storage) {
    this.#storage = storage
  }

  async put({ key, bytes }: Item): Promise<void> {
    await this.#storage.setItemRaw(key, bytes)
  }

  async putVerified(item: Item): Promise<void> {
    verifyBytes(item.digest, item.bytes)
    await this.put(item)
  }

  async get({ key }: Item): Promise<Uint8Array | undefined> {
    return (await this.#storage.getItemRaw<Uint8Array>(key)) ?? undefined
  }

  has({ key }: Item): Promise<boolean> {
    return this.#storage.hasItem(key)
  }

  async missing(items: readonly Item[]): Promise<number> {
    const found = await mapLimit(items, BULK_CONCURRENCY, (item) => this.has(item))
    return found.filter((has) => !has).length
  }

  async bulkPut(items: readonly Item[]): Promise<void> {
    await mapLimit(items, BULK_CONCURRENCY, (item) => this.putVerified(item))
  }

  async bulkGet(items: readonly Item[]): Promise<Uint8Array[]> {
    return (await mapLimit(items, BULK_CONCURRENCY, (item) => this.get(item))).filter((bytes) => bytes !== undefined)
  }

  close(): Promise<void> {
    return this.#storage.dispose()
  }
}
