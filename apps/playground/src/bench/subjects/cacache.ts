import { isErrnoException, mapLimit } from '@caskade/core'
import cacache from 'cacache'
import type { Item } from '../content.ts'
import type { Subject, SubjectKind } from '../subject.ts'

/** How many single operations stand for one in bulk, which it does not have: as many as ours has at once. */
const BULK_CONCURRENCY = 16

export const cacacheSubject: SubjectKind = {
  name: 'cacache',
  packages: ['cacache'],
  conduct:
    'Content-addressed files, with SHA-256 here. Hashes whatever it writes and verifies whatever it reads. A write is atomic, and never synced. Does not evict.',
  open: async (folder) => new CacacheSubject(folder),
}

class CacacheSubject implements Subject {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async put(item: Item): Promise<void> {
    const integrity: unknown = await cacache.put(this.#folder, item.key, item.bytes, { algorithms: ['sha256'] })
    if (String(integrity) !== integrityOf(item)) throw new Error('cacache: the content has another hash')
  }

  putVerified(item: Item): Promise<void> {
    return this.put(item)
  }

  async get(item: Item): Promise<Uint8Array | undefined> {
    try {
      return await cacache.get.byDigest(this.#folder, integrityOf(item))
    } catch (error) {
      if (isErrnoException(error, 'ENOENT')) return undefined
      throw error
    }
  }

  async stream(item: Item): Promise<number> {
    let sizeBytes = 0
    for await (const chunk of cacache.get.stream.byDigest(this.#folder, integrityOf(item)))
      sizeBytes += chunk.byteLength
    return sizeBytes
  }

  async has(item: Item): Promise<boolean> {
    return (await cacache.get.hasContent(this.#folder, integrityOf(item))) !== false
  }

  async missing(items: readonly Item[]): Promise<number> {
    const found = await mapLimit(items, BULK_CONCURRENCY, (item) => this.has(item))
    return found.filter((has) => !has).length
  }

  async bulkPut(items: readonly Item[]): Promise<void> {
    await mapLimit(items, BULK_CONCURRENCY, (item) => this.put(item))
  }

  async bulkGet(items: readonly Item[]): Promise<Uint8Array[]> {
    return (await mapLimit(items, BULK_CONCURRENCY, (item) => this.get(item))).filter((bytes) => bytes !== undefined)
  }

  async close(): Promise<void> {}
}

function integrityOf({ key }: Item): string {
  return `sha256-${Buffer.from(key, 'hex').toString('base64')}`
}
