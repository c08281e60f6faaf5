import type { Bucket } from '@google-cloud/storage'
import { Storage } from '@google-cloud/storage'
import { mapLimit, verifyBytes } from '@caskade/core'
import type { Item } from '../content.ts'
import type { Subject, SubjectKind } from '../subject.ts'
import type { GcsFake } from './gcs-fake.ts'
import { startGcsFake } from './gcs-fake.ts'

/** How many single operations stand for one in bulk, which it does not have: as many as ours has at once. */
const BULK_CONCURRENCY = 16

export const googleCloudStorageSubject: SubjectKind = {
  name: '@google-cloud/storage',
  packages: ['@google-cloud/storage'],
  conduct:
    'Writes in one request (`resumable: false`) and only what is not there; checks CRC32C both ways, as it does by default. Does not know what the content should be: the benchmark hashes before put-verified and bulk-write.',
  async open() {
    const fake = await startGcsFake()
    const storage = new Storage({ apiEndpoint: fake.url, projectId: 'benchmark' })
    return new GoogleCloudStorageSubject(storage.bucket('bucket'), fake)
  },
}

class GoogleCloudStorageSubject implements Subject {
  readonly #bucket: Bucket
  readonly #fake: GcsFake

  constructor(bucket: Bucket, fake: GcsFake) {
    this.#bucket = bucket
    this.#fake = fake
  }

  async put({ key, bytes }: Item): Promise<void> {
    const options = { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }
    await this.#bucket.file(key).save(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), options)
  }

  async putVerified(item: Item): Promise<void> {
    verifyBytes(item.digest, item.bytes)
    await this.put(item)
  }

  async get({ key }: Item): Promise<Uint8Array | undefined> {
    try {
      const [bytes] = await this.#bucket.file(key).download()
      return bytes
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 404) return undefined
      throw error
    }
  }

  async stream({ key }: Item): Promise<number> {
    let sizeBytes = 0
    for await (const chunk of this.#bucket.file(key).createReadStream()) sizeBytes += (chunk as Uint8Array).byteLength
    return sizeBytes
  }

  async has({ key }: Item): Promise<boolean> {
    const [isThere] = await this.#bucket.file(key).exists()
    return isThere
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
    return this.#fake.stop()
  }
}
