import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { BlobReader } from './blob-reader.ts'
import { readerFromChunks } from './blob-reader.ts'
import type { BlobSource, SourceOptions } from './blob-source.ts'
import type { Digest, DigestFunction } from './digest.ts'
import { createDigest, digestsEqual, formatDigest } from './digest.ts'
import { ChunkList } from './files/chunk-list.ts'
import { fileError } from './files/file-errors.ts'
import type { FileOperations, OpenFile } from './files/file-operations.ts'
import { nodeFiles } from './files/file-operations.ts'
import { readerFromFile } from './files/file-reader.ts'
import { SPOOL_MEMORY_BYTES, SpoolWriter } from './files/spool-writer.ts'
import type { Hasher } from './hashing.ts'
import { createHasher } from './hashing.ts'
import { MemoryBudget } from './memory-budget.ts'
import type { SpoolBudget } from './spool-budget.ts'
import { StorageError } from './storage-error.ts'

/** How a {@link WriteSession} collects content. */
export interface WriteSessionOptions {
  /** An existing folder for the file that large content moves to. On the file system of a storage, it saves that storage a copy. */
  readonly directory: string
  /** Content above this many bytes moves to a file. Default: 1 MiB. */
  readonly maxMemoryBytes?: number | undefined
  /** Content that does not fit in it moves to a file too. Default: 64 MiB that all sessions of the process share. */
  readonly memoryBudget?: MemoryBudget | undefined
  /** What the file takes is counted in it, with that of others. Default: no limit. */
  readonly spoolBudget?: SpoolBudget | undefined
  /** Content above this many bytes is refused with `too-large`. Default: no limit. */
  readonly maxBytes?: number | undefined
  /** The function that hashes the content. Default: SHA-256. */
  readonly digestFunction?: DigestFunction | undefined
  /** The file operations to use. Default: the real file system. */
  readonly files?: FileOperations | undefined
}

/** However many clients begin an upload and leave it at that, this is what they keep in memory. */
const sharedBudget = new MemoryBudget(64 * 1024 * 1024)

/**
 * Collects incoming content, hashing it on the way, so that it can be verified and then committed to any number of
 * storages. The one who makes it disposes it, which removes its file.
 */
export class WriteSession implements BlobSource, AsyncDisposable {
  readonly #maxMemoryBytes: number
  readonly #memoryBudget: MemoryBudget
  readonly #spoolBudget: SpoolBudget | undefined
  readonly #maxBytes: number
  readonly #digestFunction: DigestFunction
  readonly #files: FileOperations
  readonly #path: string
  readonly #hasher: Hasher
  readonly #memory = new ChunkList()
  /** What is taken of the budget. */
  #heldBytes = 0
  /** What is taken of the budget for files. */
  #spooledBytes = 0
  #file: OpenFile | undefined
  #writer: SpoolWriter | undefined
  #sizeBytes = 0
  #content: readonly Uint8Array[] | undefined
  #digest: Digest | undefined
  #isDisposed = false

  constructor({
    directory,
    maxMemoryBytes = 1024 * 1024,
    memoryBudget = sharedBudget,
    spoolBudget,
    maxBytes = Number.MAX_SAFE_INTEGER,
    digestFunction = 'sha256',
    files = nodeFiles,
  }: WriteSessionOptions) {
    this.#maxMemoryBytes = maxMemoryBytes
    this.#memoryBudget = memoryBudget
    this.#spoolBudget = spoolBudget
    this.#maxBytes = maxBytes
    this.#digestFunction = digestFunction
    this.#files = files
    this.#path = join(directory, `${randomUUID()}.upload`)
    this.#hasher = createHasher(digestFunction)
  }

  /** The number of bytes written so far. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Whether it keeps the chunks that it is given, rather than copies of them; it does not any more once it writes to a file. */
  get keepsChunks(): boolean {
    return this.#writer === undefined
  }

  /** The file that holds the content, once it is complete and too large for memory. */
  get filePath(): string | undefined {
    return this.#digest !== undefined && this.#file !== undefined ? this.#path : undefined
  }

  /**
   * Adds a chunk, which must not change afterwards unless {@link keepsChunks} is false by then. One call at a time.
   *
   * @throws StorageError `too-large` beyond `maxBytes`, `no-space` when the file cannot take it, `unavailable` when the
   * files of all sessions together may not.
   */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#digest !== undefined) throw new StorageError('invalid-argument', 'WriteSession: it is already finished')
    if (this.#sizeBytes + chunk.byteLength > this.#maxBytes) {
      throw new StorageError('too-large', `the content exceeds ${this.#maxBytes} bytes`)
    }
    if (this.#writer !== undefined) this.#spool(chunk.byteLength)
    this.#sizeBytes += chunk.byteLength
    this.#hasher.update(chunk)
    if (this.#writer !== undefined) {
      await this.#appendToFile(this.#writer, chunk)
      return
    }
    this.#memory.push(chunk)
    const isTooMuch = this.#memory.byteLength > this.#maxMemoryBytes
    if (!isTooMuch && this.#hold(this.#memory.byteLength)) return
    this.#spool(this.#memory.byteLength)
    await this.#attempt(() => this.#moveToFile())
  }

  /** Ends the writing and resolves to the digest of the content, which can be opened from then on. */
  async finish(): Promise<Digest> {
    if (this.#digest !== undefined) return this.#digest
    const writer = this.#writer
    if (writer === undefined) this.#content = this.#memory.take()
    else await this.#flush(writer)
    this.#digest = createDigest(this.#hasher.digest(), this.#sizeBytes, this.#digestFunction)
    return this.#digest
  }

  /**
   * Ends the writing and checks that the content is what a digest says.
   *
   * @throws StorageError `invalid-argument` when it is not.
   */
  async finishAs(expected: Digest): Promise<void> {
    const actual = await this.finish()
    if (digestsEqual(actual, expected)) return
    const message = `content has digest ${formatDigest(actual)}, expected ${formatDigest(expected)}`
    throw new StorageError('invalid-argument', message, { digest: expected })
  }

  open({ signal, buffers }: SourceOptions = {}): BlobReader {
    if (this.#digest === undefined || this.#isDisposed) {
      const reason = this.#isDisposed ? 'it is disposed' : 'finish() it first'
      throw new StorageError('invalid-argument', `WriteSession: cannot be read, ${reason}`)
    }
    if (this.#file === undefined) return readerFromChunks(this.#sizeBytes, this.#content ?? [], { signal })
    return readerFromFile(this.#file, { offset: 0, length: this.#sizeBytes }, { signal, buffers })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const file = this.#file
    this.#file = undefined
    this.#content = undefined
    this.#memory.take()
    this.#hold(0)
    try {
      if (file === undefined) return
      await file.close()
      await this.#files.unlink(this.#path)
    } finally {
      this.#spoolBudget?.giveBack(this.#spooledBytes)
      this.#spooledBytes = 0
    }
  }

  async #moveToFile(): Promise<void> {
    this.#file = await this.#files.open(this.#path, 'create')
    const writer = new SpoolWriter(this.#file)
    await writer.writeThrough(this.#memory.take())
    this.#writer = writer
    this.#hold(0)
  }

  #appendToFile(writer: SpoolWriter, chunk: Uint8Array): Promise<void> {
    return this.#attempt(() => (this.#hold(SPOOL_MEMORY_BYTES) ? writer.append(chunk) : writer.writeThrough([chunk])))
  }

  async #flush(writer: SpoolWriter): Promise<void> {
    await this.#attempt(() => writer.flush())
    this.#hold(0)
  }

  #spool(bytes: number): void {
    this.#spoolBudget?.take(bytes)
    this.#spooledBytes += bytes
  }

  #hold(bytes: number): boolean {
    if (!this.#memoryBudget.exchange(this.#heldBytes, bytes)) return false
    this.#heldBytes = bytes
    return true
  }

  async #attempt(operation: () => Promise<void>): Promise<void> {
    try {
      await operation()
    } catch (error) {
      throw fileError(error, 'WriteSession: cannot write to its file')
    }
  }
}
