import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions, WholeReadOptions } from '@caskade/core'
import { digestKey, readerFromBytes, StorageError } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that trust what they stored, what they are given, or that nobody ever gives up. */
export const brokenCare: readonly BrokenStorage[] = [
  {
    defect: 'delivers content without verifying it',
    caughtBy: 'corrupt: content after flip-bit is never delivered, dropped, and can be written again',
    create: (options) => new TrustingStorage(options),
  },
  {
    defect: 'keeps the buffers that it is lent',
    caughtBy: 'getBlob: a buffer that was lent holds one chunk, and is of no use to the storage after that',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const blob = this.blobs.get(digestKey(digest))
          const bytes = readOptions.buffers?.take(digest.sizeBytes)
          if (blob !== undefined && bytes !== undefined) {
            bytes.set(blob.bytes)
            this.blobs.set(digestKey(digest), { ...blob, bytes })
          }
          return super.getBlob(digest, readOptions)
        }
      })(options),
  },
  {
    defect: 'keeps the buffers that it is lent for many blobs',
    caughtBy: 'bulkReadBlobs: a buffer that was lent holds one blob, and is of no use to the storage after that',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async bulkReadBlobs(
          digests: readonly Digest[],
          readOptions: WholeReadOptions = {},
        ): Promise<Map<string, Uint8Array>> {
          for (const digest of digests) {
            const blob = this.blobs.get(digestKey(digest))
            const bytes = readOptions.buffers?.take(digest.sizeBytes)
            if (blob === undefined || bytes === undefined) continue
            bytes.set(blob.bytes)
            this.blobs.set(digestKey(digest), { ...blob, bytes })
          }
          return super.bulkReadBlobs(digests, readOptions)
        }
      })(options),
  },
  {
    defect: 'delivers what is left of a truncated blob',
    caughtBy: 'corrupt: content after truncate is never delivered, dropped, and can be written again',
    create: (options) => new TrustingStorage(options),
  },
  {
    defect: 'answers from an index that outlives the content',
    caughtBy: 'corrupt: content after remove is never delivered, dropped, and can be written again',
    create: (options) =>
      new (class extends ReferenceStorage {
        readonly #index = new Set<string>()
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          await super.commitWrite(digest, source, operationOptions)
          this.#index.add(digestKey(digest))
        }
        override async hasBlob(digest: Digest, operationOptions?: OperationOptions): Promise<boolean> {
          return this.#index.has(digestKey(digest)) || super.hasBlob(digest, operationOptions)
        }
      })(options),
  },
  {
    defect: 'reads in bulk without verifying',
    caughtBy: 'corrupt: bulkReadBlobs never delivers damaged content',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async bulkReadBlobs(digests: readonly Digest[]): Promise<Map<string, Uint8Array>> {
          const found = digests.map(({ hash }) => [hash, this.blobs.get(hash)?.bytes ?? new Uint8Array(0)] as const)
          return new Map(found)
        }
      })(options),
  },
  {
    defect: 'takes any string for a hash',
    caughtBy: 'hygiene: a malformed digest is an invalid argument to every method',
    create: (options) =>
      new (class extends ReferenceStorage {
        protected override assertReady(_: Digest, signal: AbortSignal | undefined): void {
          this.assertRunning(signal)
        }
      })(options),
  },
  {
    defect: 'looks up any string as a hash',
    caughtBy: 'hygiene: a malformed hash is an invalid argument to resolveHash',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async resolveHash(hash: string): Promise<Digest | null> {
          return this.blobs.get(hash)?.digest ?? null
        }
      })(options),
  },
  {
    defect: 'ignores the signal',
    caughtBy: 'abort: an aborted signal ends every method with its own reason, and changes nothing',
    create: (options) =>
      new (class extends ReferenceStorage {
        protected override assertRunning(): void {
          super.assertRunning(undefined)
        }
      })(options),
  },
  {
    defect: 'wraps the reason of a signal into an error of its own',
    caughtBy: 'abort: ends a commitWrite whose source is stuck, and leaves nothing behind',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          await super.commitWrite(digest, source, operationOptions).catch((cause: unknown) => {
            throw new StorageError('unknown', 'cannot write', { cause })
          })
        }
      })(options),
  },
  {
    defect: 'hands out readers that go on after an abort',
    caughtBy: 'abort: ends a reader between two chunks with the reason',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const reader = await super.getBlob(digest, readOptions)
          return reader === null ? null : readerFromBytes(await reader.bytes())
        }
      })(options),
  },
]

/** Reads without verifying. */
class TrustingStorage extends ReferenceStorage {
  override async getBlob(digest: Digest, { signal }: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, signal)
    const blob = this.blobs.get(digestKey(digest))
    return blob === undefined ? null : readerFromBytes(blob.bytes, { signal })
  }
}
