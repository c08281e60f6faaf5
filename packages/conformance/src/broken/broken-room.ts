import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that take more room for writes under way than they need. */
export const brokenRoom: readonly BrokenStorage[] = [
  {
    defect: 'sets room aside for every writer of a blob',
    caughtBy: 'quota: 100 concurrent writers of one blob need no more room than one',
    create: (options) =>
      new (class extends ReferenceStorage {
        #reservedBytes = 0
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          this.#reservedBytes += digest.sizeBytes
          let total = this.#reservedBytes
          for (const blob of this.blobs.values()) total += blob.bytes.byteLength
          for (const [key, blob] of this.blobs) {
            if (total <= (options.maxBytes ?? Number.MAX_SAFE_INTEGER)) break
            this.blobs.delete(key)
            total -= blob.bytes.byteLength
          }
          await super.commitWrite(digest, source, operationOptions).finally(() => {
            this.#reservedBytes -= digest.sizeBytes
          })
        }
      })(options),
  },
]
