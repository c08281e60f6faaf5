import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions, Status } from '@caskade/core'
import { collectSource } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'
import { LiveReadingStorage } from './broken-writes.ts'

type Blobs = readonly (readonly [Digest, Uint8Array])[]

/** Storages that evict the wrong blob, too few, or the one that was just acknowledged. */
export const brokenQuota: readonly BrokenStorage[] = [
  {
    defect: 'does not count hasBlob as use',
    caughtBy: 'touch: hasBlob counts as use',
    create: (options) =>
      new (class extends ForgetfulStorage {
        override hasBlob(digest: Digest, operationOptions?: OperationOptions): Promise<boolean> {
          return this.withoutUse(() => super.hasBlob(digest, operationOptions))
        }
      })(options),
  },
  {
    defect: 'does not count getBlob as use',
    caughtBy: 'touch: getBlob counts as use',
    create: (options) =>
      new (class extends ForgetfulStorage {
        override getBlob(digest: Digest, readOptions?: ReadOptions): Promise<BlobReader | null> {
          return this.withoutUse(() => super.getBlob(digest, readOptions))
        }
      })(options),
  },
  {
    defect: 'does not count the reading of a range as use',
    caughtBy: 'touch: getBlob of a range counts as use',
    create: (options) =>
      new (class extends ForgetfulStorage {
        override getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          if (readOptions.length === undefined) return super.getBlob(digest, readOptions)
          return this.withoutUse(() => super.getBlob(digest, readOptions))
        }
      })(options),
  },
  {
    defect: 'does not count missingBlobs as use',
    caughtBy: 'touch: missingBlobs counts as use',
    create: (options) =>
      new (class extends ForgetfulStorage {
        override missingBlobs(digests: readonly Digest[], operationOptions?: OperationOptions): Promise<Digest[]> {
          return this.withoutUse(() => super.missingBlobs(digests, operationOptions))
        }
      })(options),
  },
  {
    defect: 'does not count bulkReadBlobs as use',
    caughtBy: 'touch: bulkReadBlobs counts as use',
    create: (options) =>
      new (class extends ForgetfulStorage {
        override bulkReadBlobs(digests: readonly Digest[], operationOptions?: OperationOptions) {
          return this.withoutUse(() => super.bulkReadBlobs(digests, operationOptions))
        }
      })(options),
  },
  {
    defect: 'does not count the writing of what is there as use',
    caughtBy: 'touch: commitWrite counts as use',
    create: (options) =>
      new (class extends ForgetfulStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          if (this.blobs.has(digest.hash)) return
          await super.commitWrite(digest, source, operationOptions)
        }
      })(options),
  },
  {
    defect: 'does not count the writing in bulk of what is there as use',
    caughtBy: 'touch: bulkUpdateBlobs counts as use',
    create: (options) =>
      new (class extends ForgetfulStorage {
        override bulkUpdateBlobs(blobs: Blobs, operationOptions?: OperationOptions): Promise<Status[]> {
          return this.withoutUse(() => super.bulkUpdateBlobs(blobs, operationOptions))
        }
      })(options),
  },
  {
    defect: 'drops what is too large and reports success',
    caughtBy: 'resolved means stored: a blob larger than the quota is refused, not dropped',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          if (digest.sizeBytes > (options.maxBytes ?? Number.MAX_SAFE_INTEGER)) return
          await super.commitWrite(digest, source, operationOptions)
        }
      })(options),
  },
  {
    defect: 'drops what is new when it is full',
    caughtBy: 'resolved means stored: what was just written is there, however full the storage is',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          let total = digest.sizeBytes
          for (const blob of this.blobs.values()) total += blob.bytes.byteLength
          if (total <= (options.maxBytes ?? Number.MAX_SAFE_INTEGER)) {
            await super.commitWrite(digest, source, operationOptions)
          }
        }
      })(options),
  },
  {
    defect: 'evicts only when it is told to, which nobody does',
    caughtBy: 'quota: what is kept never exceeds it, by single writes or in bulk',
    create: () => new ReferenceStorage(),
  },
  {
    defect: 'counts concurrent writes only after they are stored',
    caughtBy: 'quota: concurrent writes of more than fits either succeed or say why not',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions: OperationOptions = {}) {
          this.assertReady(digest, operationOptions.signal)
          const bytes = await collectSource(source, digest, operationOptions)
          this.blobs.set(digest.hash, { digest, bytes })
        }
      })(options),
  },
  {
    defect: 'cuts off the readers of what it evicts',
    caughtBy: 'snapshot: an open reader reads to its end after the blob was evicted',
    create: (options) => new LiveReadingStorage(options),
  },
]

/** Can undo what an operation did to the order in which blobs are evicted. */
class ForgetfulStorage extends ReferenceStorage {
  protected async withoutUse<Result>(operation: () => Promise<Result>): Promise<Result> {
    const order = [...this.blobs.keys()]
    const result = await operation()
    const blobs = new Map(this.blobs)
    for (const key of order) {
      const blob = blobs.get(key)
      if (blob === undefined) continue
      this.blobs.delete(key)
      this.blobs.set(key, blob)
      blobs.delete(key)
    }
    for (const [key, blob] of blobs) {
      this.blobs.delete(key)
      this.blobs.set(key, blob)
    }
    return result
  }
}
