import type { StorageABC } from '@caskade/core'
import { sourceFromBytes, verifyBytes } from '@caskade/core'
import type { Item } from '../content.ts'
import type { Subject } from '../subject.ts'

/** Any storage of ours as a subject. Starts it; closing the subject stops it, then what it needed. */
export async function openStorage(storage: StorageABC, release?: () => Promise<void>): Promise<Subject> {
  await storage.start()
  return new StorageSubject(storage, release)
}

class StorageSubject implements Subject {
  readonly #storage: StorageABC
  readonly #release: (() => Promise<void>) | undefined

  constructor(storage: StorageABC, release?: () => Promise<void>) {
    this.#storage = storage
    this.#release = release
  }

  async put({ digest, bytes }: Item): Promise<void> {
    await this.#storage.commitWrite(digest, sourceFromBytes(bytes))
  }

  async putVerified({ digest, bytes }: Item): Promise<void> {
    verifyBytes(digest, bytes)
    await this.#storage.commitWrite(digest, sourceFromBytes(bytes))
  }

  async get({ digest }: Item): Promise<Uint8Array | undefined> {
    const reader = await this.#storage.getBlob(digest)
    return reader?.bytes()
  }

  async stream({ digest }: Item): Promise<number> {
    let sizeBytes = 0
    for await (const chunk of (await this.#storage.getBlob(digest)) ?? []) sizeBytes += chunk.byteLength
    return sizeBytes
  }

  has({ digest }: Item): Promise<boolean> {
    return this.#storage.hasBlob(digest)
  }

  async missing(items: readonly Item[]): Promise<number> {
    return (await this.#storage.missingBlobs(items.map(({ digest }) => digest))).length
  }

  async bulkPut(items: readonly Item[]): Promise<void> {
    const statuses = await this.#storage.bulkUpdateBlobs(items.map(({ digest, bytes }) => [digest, bytes] as const))
    for (const status of statuses) if ('message' in status) throw new Error(`bulkPut: ${status.message}`)
  }

  async bulkGet(items: readonly Item[]): Promise<Uint8Array[]> {
    return [...(await this.#storage.bulkReadBlobs(items.map(({ digest }) => digest))).values()]
  }

  async close(): Promise<void> {
    await this.#storage.stop()
    await this.#release?.()
  }
}
