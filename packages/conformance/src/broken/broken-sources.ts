import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions } from '@caskade/core'
import { digestKey, readerFromChunks, readSource, StorageError } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that want content in a shape of their own, or forget what they opened. */
export const brokenSources: readonly BrokenStorage[] = [
  {
    defect: 'has room for a thousand chunks',
    caughtBy: 'commitWrite: accepts content byte by byte, and in thousands of small chunks',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          const chunks = await Array.fromAsync(readSource(source, digest, operationOptions))
          if (chunks.length > 1000) throw new StorageError('too-large', 'too many chunks')
          this.store(digest, Buffer.concat(chunks))
        }
      })(options),
  },
  {
    defect: 'waits for a first chunk, which an empty blob has not',
    caughtBy: 'commitWrite: accepts an empty blob of no chunk, or of empty ones',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          const chunks = await Array.fromAsync(readSource(source, digest, operationOptions))
          if (chunks.length === 0) throw new StorageError('invalid-argument', 'there is nothing to write')
          this.store(digest, Buffer.concat(chunks))
        }
      })(options),
  },
  {
    defect: 'takes the buffer under a chunk for the chunk',
    caughtBy: 'commitWrite: takes of a chunk what it shows of its buffer, and no more',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          const chunks = await Array.fromAsync(readSource(source, digest, operationOptions))
          this.store(digest, Buffer.concat(chunks.map(({ buffer, byteLength }) => Buffer.from(buffer, 0, byteLength))))
        }
      })(options),
  },
  {
    defect: 'has an error of its own for every source that fails',
    caughtBy: 'commitWrite: a source that cannot be opened fails it with its own error, and leaves nothing behind',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          await super.commitWrite(digest, source, operationOptions).catch((cause: unknown) => {
            throw new StorageError('unknown', 'cannot read the source', { cause })
          })
        }
      })(options),
  },
  {
    defect: 'looks at the first chunk, and leaves that reader open',
    caughtBy: 'commitWrite: reads what it opened to the end or disposes of it, however the write ends',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          await source.open(operationOptions)[Symbol.asyncIterator]().next()
          await super.commitWrite(digest, source, operationOptions)
        }
      })(options),
  },
  {
    defect: 'waits for readers that nobody reads',
    caughtBy: 'getBlob: a reader that is left in any way keeps nothing open, and stop does not wait for it',
    create: (options) => new ForgetfulOpener(options),
  },
  {
    defect: 'cuts off the readers of a blob that is replaced',
    caughtBy: 'snapshot: readers at different places of a blob that is deleted and written again read on to the end',
    create: (options) =>
      new (class extends ReferenceStorage {
        #writes = 0
        protected override store(digest: Digest, bytes: Uint8Array): void {
          super.store(digest, bytes)
          this.#writes += 1
        }
        override async getBlob(digest: Digest, readOptions?: ReadOptions): Promise<BlobReader | null> {
          const bytes = await (await super.getBlob(digest, readOptions))?.bytes()
          if (bytes === undefined) return null
          const [writes, countWrites] = [this.#writes, () => this.#writes]
          const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
            if (countWrites() !== writes) throw new StorageError('unavailable', 'another version is there')
            yield bytes
          }
          return readerFromChunks(bytes.byteLength, chunks())
        }
      })(options),
  },
]

/** Lets go of a reader when it was read to its end, and not otherwise. */
class ForgetfulOpener extends ReferenceStorage {
  protected override readonly stopDeadlineMs = 20

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    const reader = await super.getBlob(digest, options)
    const bytes = await reader?.bytes()
    if (bytes === undefined || !this.blobs.has(digestKey(digest))) return null
    const release = this.hold()
    const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield bytes
      release()
    }
    return readerFromChunks(bytes.byteLength, chunks(), { signal: options.signal })
  }
}
