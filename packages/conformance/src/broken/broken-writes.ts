import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions } from '@caskade/core'
import { digestKey, readerFromBytes, readerFromChunks, StorageError } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that lose, mix up or show too early what is written. */
export const brokenWrites: readonly BrokenStorage[] = [
  {
    defect: 'delivers the last byte as zero when read as a stream',
    caughtBy: 'getBlob: delivers what was written, at every size and in every way of reading',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const reader = await super.getBlob(digest, readOptions)
          if (reader === null) return null
          const bytes = await reader.bytes()
          const damaged = Uint8Array.from(bytes)
          damaged[damaged.byteLength - 1] = 0
          return { ...wrap(readerFromBytes(bytes)), stream: () => readerFromBytes(damaged).stream() }
        }
      })(options),
  },
  {
    defect: 'gives a reader that can be read again',
    caughtBy: 'getBlob: gives a reader that is read once and can be dropped unread',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const bytes = await (await super.getBlob(digest, readOptions))?.bytes()
          if (bytes === undefined) return null
          return { ...wrap(readerFromBytes(bytes)), [Symbol.asyncIterator]: () => iterate(bytes) }
        }
      })(options),
  },
  {
    defect: 'drops a blob whose reader leaves early',
    caughtBy: 'getBlob: a reader that is left early does no harm',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async getBlob(digest: Digest, readOptions: ReadOptions = {}): Promise<BlobReader | null> {
          const bytes = await (await super.getBlob(digest, readOptions))?.bytes()
          if (bytes === undefined) return null
          const chunks = (async function* (storage: ReferenceStorage) {
            let isDone = false
            try {
              yield bytes
              isDone = true
            } finally {
              if (!isDone) storage.blobs.delete(digestKey(digest))
            }
          })(this)
          return readerFromChunks(bytes.byteLength, chunks, { signal: readOptions.signal })
        }
      })(options),
  },
  {
    defect: 'takes an empty chunk for the end',
    caughtBy: 'commitWrite: accepts content in many chunks, empty ones among them',
    create: (options) => new GatheringStorage(options, { stopsAtEmptyChunk: true }),
  },
  {
    defect: 'keeps the bytes that the source handed out instead of a copy',
    caughtBy: 'commitWrite: keeps its own copy of the content',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions: OperationOptions = {}) {
          this.assertReady(digest, operationOptions.signal)
          this.store(digest, await source.open(operationOptions).bytes())
        }
      })(options),
  },
  {
    defect: 'shows a blob while it is being written',
    caughtBy: 'commitWrite: shows nothing until the whole source was read',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          if (source.sizeBytes === digest.sizeBytes) this.store(digest, new Uint8Array(digest.sizeBytes))
          await super.commitWrite(digest, source, operationOptions)
        }
      })(options),
  },
  {
    defect: 'keeps what it got when the source fails',
    caughtBy: 'commitWrite: leaves nothing behind when the source fails half-way',
    create: (options) => new GatheringStorage(options, { keepsHalves: true }),
  },
  {
    defect: 'stores less than the digest says',
    caughtBy: 'length: a source shorter than the digest says is refused',
    create: (options) => new GatheringStorage(options, { acceptsShort: true }),
  },
  {
    defect: 'cuts off what is more than the digest says',
    caughtBy: 'length: a source longer than the digest says is refused',
    create: (options) => new GatheringStorage(options, { acceptsLong: true }),
  },
  {
    defect: 'ignores the size that the source announces',
    caughtBy: 'length: a source that announces another size is refused',
    create: (options) => new GatheringStorage(options, {}),
  },
  {
    defect: 'refuses to write what is there',
    caughtBy: 'idempotent: writing what is there succeeds and changes nothing',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          if (this.blobs.has(digestKey(digest))) throw new StorageError('unknown', 'EEXIST')
          await super.commitWrite(digest, source, operationOptions)
        }
      })(options),
  },
  {
    defect: 'has one writer of a blob fail when there is another',
    caughtBy: 'idempotent: 100 concurrent writers of one blob all succeed',
    create: (options) =>
      new (class extends ReferenceStorage {
        readonly #beingWritten = new Set<string>()
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          const key = digestKey(digest)
          if (this.#beingWritten.has(key)) throw new StorageError('unknown', 'EBUSY')
          this.#beingWritten.add(key)
          await super.commitWrite(digest, source, operationOptions).finally(() => this.#beingWritten.delete(key))
        }
      })(options),
  },
  {
    defect: 'removes the blob when any of its writers fails',
    caughtBy: 'idempotent: a writer that fails does not take the blob from one that succeeds',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          await super.commitWrite(digest, source, operationOptions).catch(async (error: unknown) => {
            await new Promise((resolve) => setImmediate(resolve))
            this.blobs.delete(digestKey(digest))
            throw error
          })
        }
      })(options),
  },
  {
    defect: 'reads a deleted blob as gone half-way',
    caughtBy: 'snapshot: an open reader reads to its end after the blob was deleted',
    create: (options) => new LiveReadingStorage(options),
  },
]

/** Reads from what is stored at the moment of reading, instead of from what was there when the reader was opened. */
export class LiveReadingStorage extends ReferenceStorage {
  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    const reader = await super.getBlob(digest, options)
    if (reader === null) return null
    const bytes = await reader.bytes()
    const { blobs } = this
    const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      const half = bytes.byteLength >> 1
      for (const chunk of [bytes.subarray(0, half), bytes.subarray(half)]) {
        if (!blobs.has(digestKey(digest))) return
        yield chunk
      }
    }
    return readerFromChunks(bytes.byteLength, chunks(), { signal: options.signal })
  }
}

interface GatheringDefects {
  readonly stopsAtEmptyChunk?: boolean
  readonly keepsHalves?: boolean
  readonly acceptsShort?: boolean
  readonly acceptsLong?: boolean
}

/** Gathers a source by hand, as providers do that were written before `readSource`, with one check left out. */
class GatheringStorage extends ReferenceStorage {
  readonly #defects: GatheringDefects

  constructor(options: ConstructorParameters<typeof ReferenceStorage>[0], defects: GatheringDefects) {
    super(options)
    this.#defects = defects
  }

  override async commitWrite(digest: Digest, source: BlobSource, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    const { stopsAtEmptyChunk, keepsHalves, acceptsShort, acceptsLong } = this.#defects
    const chunks: Uint8Array[] = []
    try {
      for await (const chunk of source.open({ signal })) {
        if (stopsAtEmptyChunk === true && chunk.byteLength === 0) break
        chunks.push(chunk)
      }
    } catch (error) {
      if (keepsHalves === true) this.store(digest, Buffer.concat(chunks, digest.sizeBytes))
      throw error
    }
    const { byteLength } = Buffer.concat(chunks)
    const isShort = byteLength < digest.sizeBytes && acceptsShort !== true && stopsAtEmptyChunk !== true
    const isLong = byteLength > digest.sizeBytes && acceptsLong !== true
    if (isShort || isLong) throw new StorageError('invalid-argument', 'wrong length', { digest })
    this.store(digest, Buffer.concat(chunks, digest.sizeBytes))
  }
}

/** Copies a reader's methods into a plain object, so that single ones can be replaced. */
function wrap(reader: BlobReader): BlobReader {
  return {
    sizeBytes: reader.sizeBytes,
    bytes: () => reader.bytes(),
    stream: () => reader.stream(),
    [Symbol.asyncIterator]: () => reader[Symbol.asyncIterator](),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  }
}

async function* iterate(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}
