import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { digestKey, readSource, StorageError } from '@caskade/core'
import { turns } from '../moments.ts'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'
import { LiveReadingStorage } from './broken-writes.ts'

/** Storages that work for one client at a time. */
export const brokenConcurrency: readonly BrokenStorage[] = [
  {
    defect: 'cannot delete what is being written',
    caughtBy: 'concurrency: writers, readers and deleters of one blob never fail, and readers get all of it or null',
    create: (options) =>
      new (class extends ReferenceStorage {
        readonly #beingWritten = new Set<string>()
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          this.#beingWritten.add(digestKey(digest))
          await turns(1)
          await super.commitWrite(digest, source, operationOptions)
          this.#beingWritten.delete(digestKey(digest))
        }
        override async deleteBlob(digest: Digest, operationOptions?: OperationOptions): Promise<void> {
          if (this.#beingWritten.has(digestKey(digest))) throw new StorageError('unknown', 'EBUSY')
          await super.deleteBlob(digest, operationOptions)
        }
      })(options),
  },
  {
    defect: 'ends a reader when somebody deletes the blob',
    caughtBy: 'concurrency: writers, readers and deleters of one blob never fail, and readers get all of it or null',
    create: (options) => new LiveReadingStorage(options),
  },
  {
    defect: 'gathers all writes in one buffer',
    caughtBy: 'concurrency: many blobs, written, read and deleted at once, do not meet',
    create: (options) =>
      new (class extends ReferenceStorage {
        #chunks: Uint8Array[] = []
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          this.#chunks = []
          for await (const chunk of readSource(source, digest, operationOptions)) this.#chunks.push(chunk)
          this.store(digest, Buffer.concat(this.#chunks))
        }
      })(options),
  },
  {
    defect: 'has all writers of a blob share the fate of the first',
    caughtBy: 'concurrency: a writer that is acknowledged while others fail or are given up has stored the blob',
    create: (options) =>
      new (class extends ReferenceStorage {
        readonly #writing = new Map<string, Promise<void>>()
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          const key = digestKey(digest)
          const writing = this.#writing.get(key) ?? this.#write(digest, source, operationOptions)
          this.#writing.set(key, writing)
          await writing.finally(() => this.#writing.delete(key))
        }
        async #write(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          await turns(5)
          await super.commitWrite(digest, source, operationOptions)
        }
      })(options),
  },
]
