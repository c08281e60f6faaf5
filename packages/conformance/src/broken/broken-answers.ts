import type { BlobInfo, BlobReader, Digest, FoundBlob, OperationOptions, ReadOptions } from '@caskade/core'
import { digestKey, readerFromBytes } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that answer wrongly what is there and what is not. */
export const brokenAnswers: readonly BrokenStorage[] = [
  {
    defect: 'throws for a blob that is not there',
    caughtBy: 'absent: a blob that was never written is null, false or missing',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions?: ReadOptions): Promise<BlobReader> {
          const reader = await super.getBlob(digest, readOptions)
          if (reader === null) throw new Error('NotFound')
          return reader
        }
      })(options),
  },
  {
    defect: 'fails to delete what is not there',
    caughtBy: 'absent: deleteBlob succeeds for a blob that is not there',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async deleteBlob(digest: Digest, operationOptions?: OperationOptions): Promise<void> {
          if (!(await this.hasBlob(digest, operationOptions))) throw new Error('NotFound')
          await super.deleteBlob(digest, operationOptions)
        }
      })(options),
  },
  {
    defect: 'finds a blob by its hash, whatever the size',
    caughtBy: 'absent: a digest with the right hash and the wrong size names nothing',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async hasBlob(digest: Digest, operationOptions: OperationOptions = {}): Promise<boolean> {
          this.assertReady(digest, operationOptions.signal)
          return this.blobs.has(digestKey(digest))
        }
      })(options),
  },
  {
    defect: 'goes on listing what was deleted',
    caughtBy: 'absent: a deleted blob is gone from every answer',
    create: (options) =>
      new (class extends ReferenceStorage {
        readonly #deleted: Digest[] = []
        override async deleteBlob(digest: Digest, operationOptions?: OperationOptions): Promise<void> {
          await super.deleteBlob(digest, operationOptions)
          this.#deleted.push(digest)
        }
        override async *listBlobs(operationOptions?: OperationOptions): AsyncGenerator<BlobInfo, void, undefined> {
          yield* super.listBlobs(operationOptions)
          for (const digest of this.#deleted) yield { digest }
        }
      })(options),
  },
  {
    defect: 'completes any hash to a digest of no bytes',
    caughtBy: 'resolveHash: completes the hash of a stored blob, and is null for any other',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async resolveHash(hash: string): Promise<Digest> {
          return { hash, sizeBytes: 0 }
        }
      })(options),
  },
  {
    defect: 'opens every hash as one of SHA-256',
    caughtBy: 'getBlobByHash: opens the stored blob of a hash, and is null for any other',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlobByHash(hash: string): Promise<FoundBlob | null> {
          return super.getBlobByHash(hash)
        }
      })(options),
  },
  {
    defect: 'has all of a blob in memory when a part of it is asked for',
    caughtBy: 'range: delivers the part that was asked for, clipped at the end',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions?: ReadOptions): Promise<BlobReader | null> {
          const [part, all] = [await super.getBlob(digest, readOptions), await super.getBlob(digest)]
          return part && Object.defineProperty(part, 'inMemory', { get: () => all?.inMemory })
        }
      })(options),
  },
  {
    defect: 'lists again what was used since',
    caughtBy: 'listBlobs: ends although each blob is used as soon as it is listed',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async *listBlobs(): AsyncGenerator<BlobInfo, void, undefined> {
          for (const { digest } of this.blobs.values()) yield { digest }
        }
      })(options),
  },
  {
    defect: 'lists the first page only',
    caughtBy: 'listBlobs: lists exactly what is stored',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async *listBlobs(operationOptions?: OperationOptions): AsyncGenerator<BlobInfo, void, undefined> {
          let count = 0
          for await (const info of super.listBlobs(operationOptions)) if (count++ < 30) yield info
        }
      })(options),
  },
  {
    defect: 'has the empty blob from the start',
    caughtBy: 'empty blob: is an ordinary blob, absent until it is written',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async hasBlob(digest: Digest, operationOptions?: OperationOptions): Promise<boolean> {
          return digest.sizeBytes === 0 || super.hasBlob(digest, operationOptions)
        }
      })(options),
  },
  {
    defect: 'has no empty blob although it should always be there',
    caughtBy: 'empty blob: is always there where protocols want it so, in every digest function',
    create: (options) => new ReferenceStorage(options),
  },
  {
    defect: 'takes every hash for SHA-256',
    caughtBy: 'digest functions: the same content under each is a blob of its own',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async resolveHash(hash: string): Promise<Digest | null> {
          return super.resolveHash(hash)
        }
      })(options),
  },
  {
    defect: 'counts the length of a range from the start of the blob',
    caughtBy: 'range: delivers the part that was asked for, clipped at the end',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const { offset = 0, length = digest.sizeBytes } = readOptions
          return super.getBlob(digest, { ...readOptions, length: Math.max(0, length - offset) })
        }
      })(options),
  },
  {
    defect: 'has nothing to read at the end of a blob',
    caughtBy: 'range: an offset at the end gives zero bytes',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          if (readOptions.offset === digest.sizeBytes) return null
          return super.getBlob(digest, readOptions)
        }
      })(options),
  },
  {
    defect: 'gives zero bytes for an offset beyond the end',
    caughtBy: 'range: an offset beyond the end, or a part of a byte, is an invalid argument',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          if ((readOptions.offset ?? 0) > digest.sizeBytes) return readerFromBytes(new Uint8Array(0))
          return super.getBlob(digest, readOptions)
        }
      })(options),
  },
]
