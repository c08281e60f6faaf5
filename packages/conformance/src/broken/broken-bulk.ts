import type { Digest, OperationOptions, Status } from '@caskade/core'
import { okStatus, StorageError } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

type Blobs = readonly (readonly [Digest, Uint8Array])[]

/** Storages whose bulk methods answer for the wrong items, or for too few. */
export const brokenBulk: readonly BrokenStorage[] = [
  {
    defect: 'stores a batch without verifying it',
    caughtBy: 'bulkUpdateBlobs: stores every good item and answers each in order',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async bulkUpdateBlobs(blobs: Blobs): Promise<Status[]> {
          for (const [digest, bytes] of blobs) this.store(digest, Uint8Array.from(bytes))
          return blobs.map(() => okStatus)
        }
      })(options),
  },
  {
    defect: 'keeps slices of the batch instead of copies',
    caughtBy: 'bulkUpdateBlobs: keeps its own copy of the content',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async bulkUpdateBlobs(blobs: Blobs, operationOptions?: OperationOptions): Promise<Status[]> {
          const statuses = await super.bulkUpdateBlobs(blobs, operationOptions)
          for (const [index, [digest, bytes]] of blobs.entries()) {
            if (statuses[index]?.code === 'ok') this.store(digest, bytes)
          }
          return statuses
        }
      })(options),
  },
  {
    defect: 'answers each missing digest once',
    caughtBy: 'missingBlobs: answers in the order asked, duplicates included',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async missingBlobs(digests: readonly Digest[], operationOptions?: OperationOptions) {
          return [...new Set(await super.missingBlobs(digests, operationOptions))]
        }
      })(options),
  },
  {
    defect: 'reads an absent blob as an empty one',
    caughtBy: 'bulkReadBlobs: reads what is there, and leaves out what is not',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async bulkReadBlobs(digests: readonly Digest[], operationOptions?: OperationOptions) {
          const found = await super.bulkReadBlobs(digests, operationOptions)
          for (const { hash } of digests) if (!found.has(hash)) found.set(hash, new Uint8Array(0))
          return found
        }
      })(options),
  },
  {
    defect: 'counts the deletion of an absent blob as a failure',
    caughtBy: 'bulkDelete: deletes what is there, accepts what is not, and names what could not be deleted',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async bulkDelete(digests: readonly Digest[], operationOptions?: OperationOptions): Promise<string[]> {
          const absent = digests.filter(({ hash }) => !this.blobs.has(hash))
          await super.bulkDelete(digests, operationOptions)
          return absent.map(({ hash, sizeBytes }) => `${hash}/${sizeBytes}`)
        }
      })(options),
  },
  {
    defect: 'answers the first five hundred items',
    caughtBy: 'bulk: a thousand items, duplicates and malformed ones among them, are each answered in order',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async bulkUpdateBlobs(blobs: Blobs, operationOptions?: OperationOptions): Promise<Status[]> {
          return super.bulkUpdateBlobs(blobs.slice(0, 500), operationOptions)
        }
      })(options),
  },
  {
    defect: 'takes a malformed digest for a missing one',
    caughtBy: 'bulk: one malformed digest among good ones fails missingBlobs and bulkReadBlobs as a whole',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async missingBlobs(digests: readonly Digest[]): Promise<Digest[]> {
          return digests.filter((digest) => !this.blobs.has(digest.hash))
        }
      })(options),
  },
  {
    defect: 'sends an empty request, which its server refuses',
    caughtBy: 'bulk: nothing asked, nothing answered',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async missingBlobs(digests: readonly Digest[], operationOptions?: OperationOptions) {
          if (digests.length === 0) throw new StorageError('invalid-argument', 'the request names no blob')
          return super.missingBlobs(digests, operationOptions)
        }
      })(options),
  },
]
