import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions } from '@caskade/core'
import { readerFromChunks, readSource, StorageError } from '@caskade/core'
import { turns } from '../moments.ts'
import { ReferenceStorage, type ReferenceStorageOptions } from '../reference/reference-storage.ts'
import { methodCalls } from '../storage-cases/methods.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that deal badly with callers who give up half-way. */
export const brokenAborts: readonly BrokenStorage[] = [
  ...Object.keys(methodCalls).map((name): BrokenStorage => ({
    defect: `has an error of its own for a ${name} that is given up while it waits its turn`,
    caughtBy: `abort: ${name}, given up at any moment, answers rightly or rejects with the reason, and does no harm`,
    create: (options) => waitingItsTurn(name.replace(/[ ,].*/, ''), options),
  })),
  {
    defect: 'shows half a blob when the write is given up between two steps',
    caughtBy:
      'abort: commitWrite, given up at any moment, answers rightly or rejects with the reason, and does no harm',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          const bytes = Buffer.concat(await Array.fromAsync(readSource(source, digest, operationOptions)))
          this.store(digest, Buffer.alloc(bytes.byteLength))
          await turns(1)
          operationOptions?.signal?.throwIfAborted()
          this.store(digest, bytes)
        }
      })(options),
  },
  {
    defect: 'keeps open what it opened for somebody who gave up',
    caughtBy:
      'abort: getBlob, disposed unread, given up at any moment, answers rightly or rejects with the reason, and does no harm',
    create: (options) =>
      new (class extends ReferenceStorage {
        protected override readonly stopDeadlineMs = 20
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const release = this.hold()
          await turns(1)
          readOptions.signal?.throwIfAborted()
          release()
          return super.getBlob(digest, readOptions)
        }
      })(options),
  },
  {
    defect: 'keeps what it got when the write is given up',
    caughtBy: 'abort: commitWrite, given up after any chunk of its source, leaves the blob whole or absent',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          const chunks: Uint8Array[] = []
          try {
            for await (const chunk of readSource(source, digest, operationOptions)) chunks.push(chunk)
          } finally {
            this.store(digest, Buffer.concat(chunks))
          }
        }
      })(options),
  },
  {
    defect: 'looks at the signal before the first chunk only',
    caughtBy: 'abort: ends a reader after any chunk with the reason, in every way of reading',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const bytes = await (await super.getBlob(digest, readOptions))?.bytes()
          if (bytes === undefined) return null
          const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
            readOptions.signal?.throwIfAborted()
            const step = Math.ceil(bytes.byteLength / 5)
            for (let at = 0; at < bytes.byteLength; at += step) yield bytes.subarray(at, at + step)
          }
          return readerFromChunks(bytes.byteLength, chunks())
        }
      })(options),
  },
]

/** Makes a storage of which one method waits for a turn, and then does not care for the reason of the signal. */
function waitingItsTurn(method: string, options: ReferenceStorageOptions): ReferenceStorage {
  const storage = new ReferenceStorage(options)
  const original = storage[method as 'hasBlob'].bind(storage) as (...parts: unknown[]) => unknown
  const assertWanted = async (parts: readonly unknown[]): Promise<void> => {
    await turns(1)
    const { signal } = (parts.at(-1) ?? {}) as OperationOptions
    if (signal?.aborted === true) throw new StorageError('unavailable', `${method} was cancelled`)
  }
  const waiting =
    method === 'listBlobs'
      ? async function* (...parts: unknown[]): AsyncGenerator {
          await assertWanted(parts)
          yield* original(...parts) as AsyncGenerator
        }
      : async (...parts: unknown[]): Promise<unknown> => {
          await assertWanted(parts)
          return original(...parts)
        }
  return Object.assign(storage, { [method]: waiting })
}
