import type { BlobReader, ByteRange, Digest, ReadOptions } from '@caskade/core'
import {
  corruptError,
  coversBlob,
  digestOf,
  formatDigest,
  readerFromBytes,
  reportEvent,
  verifiedReader,
} from '@caskade/core'
import type { StorageError } from '@caskade/core'
import type { OpenFile } from '@caskade/core/files'
import { fileError, READ_CHUNK_BYTES, readerFromFile, readFully } from '@caskade/core/files'
import type { BlobRecord, BlobWithContent } from './blob-records.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** What the opening of a blob needs besides its digest. */
export interface OpenOptions extends Pick<ReadOptions, 'signal' | 'buffers'> {
  /** Keeps the storage from stopping while a file is open. */
  readonly hold: () => () => void
  /** Whether it counts as use. Default: true. */
  readonly isUse?: boolean | undefined
}

/** Opens blobs and verifies what it reads; damaged ones are dropped. */
export class BlobOpener {
  readonly #store: SqliteStore
  readonly #writer: BlobWriter

  constructor(store: SqliteStore, writer: BlobWriter) {
    this.#store = store
    this.#writer = writer
  }

  /** Opens a range of a blob; null when it is not there. */
  async open(digest: Digest, range: ByteRange, options: OpenOptions): Promise<BlobReader | null> {
    let previous: BlobRecord | undefined
    for (;;) {
      const record = this.#store.blobs.findWithContent(digest)
      if (record === undefined) return null
      if (options.isUse !== false) this.#store.accessLog.useBlob(record)
      if (record.fileId === null) return this.#openRow(digest, record, range, options)
      const reader = await this.#openFile(digest, record, record.fileId, range, options)
      if (reader !== undefined) return reader
      // The file is gone. Either the blob was removed meanwhile, and perhaps written anew; or the file was lost.
      if (previous?.fileId === record.fileId) {
        await this.dropDamaged(digest, record, corruptError(digest, 'its file is gone'))
        return null
      }
      previous = record
    }
  }

  /** Drops a damaged blob, and tells of it. */
  async dropDamaged(digest: Digest, record: BlobRecord, error: StorageError, operation = 'getBlob'): Promise<void> {
    reportEvent({ kind: 'corrupt', storageType: 'Sqlite', operation, digest, error })
    await this.#writer.drop(digest, record.id)
  }

  async #openRow(
    digest: Digest,
    record: BlobWithContent,
    { offset, length }: ByteRange,
    { signal }: OpenOptions,
  ): Promise<BlobReader | null> {
    const content = checkRow(digest, record.bytes)
    if (content instanceof Uint8Array) return readerFromBytes(content.subarray(offset, offset + length), { signal })
    await this.dropDamaged(digest, record, content)
    if (record.bytes === null) return null
    throw content
  }

  /** Undefined when the file is not there. */
  async #openFile(
    digest: Digest,
    record: BlobRecord,
    fileId: number,
    range: ByteRange,
    options: OpenOptions,
  ): Promise<BlobReader | undefined> {
    if (range.length <= READ_CHUNK_BYTES && coversBlob(range, digest)) {
      return this.#readAtOnce(digest, record, fileId, options)
    }
    const { signal, hold, buffers } = options
    const release = this.#holdFile(record, fileId, hold)
    const file = await this.#store.files.open(fileId, digest).catch((error: unknown) => {
      release()
      throw error
    })
    if (file === undefined) {
      release()
      return undefined
    }
    const reader = readerFromFile(file, range, {
      signal,
      buffers,
      quick: this.#store.files.quick,
      release: () => file.close().finally(release),
    })
    const sizeBytes = await file.sizeBytes().catch(async (error: unknown) => {
      await reader[Symbol.asyncDispose]()
      throw fileError(error, `Sqlite: cannot read the file of blob ${formatDigest(digest)}`, digest)
    })
    if (sizeBytes !== digest.sizeBytes) {
      await reader[Symbol.asyncDispose]()
      const error = corruptError(digest, `its file has ${sizeBytes} bytes`)
      await this.dropDamaged(digest, record, error)
      throw error
    }
    if (!coversBlob(range, digest)) return reader
    return verifiedReader(reader, digest, (error) => this.dropDamaged(digest, record, error))
  }

  /** One read says both what is there and whether that is all; nothing stays open. */
  async #readAtOnce(
    digest: Digest,
    record: BlobRecord,
    fileId: number,
    { signal, hold, buffers }: OpenOptions,
  ): Promise<BlobReader | undefined> {
    const sizeBytes = digest.sizeBytes + 1
    const buffer = buffers?.take(sizeBytes) ?? Buffer.allocUnsafeSlow(sizeBytes)
    // Whatever is wrong, opening it tells.
    const quick = contentOf(digest, buffer, this.#store.files.readQuickly(fileId, buffer))
    if (quick !== undefined) return readerFromBytes(quick, { signal })
    const release = this.#holdFile(record, fileId, hold)
    try {
      const file = await this.#store.files.open(fileId, digest)
      if (file === undefined) return undefined
      const content = contentOf(digest, buffer, await this.#readAll(digest, file, buffer))
      if (content !== undefined) return readerFromBytes(content, { signal })
      const error = corruptError(digest, 'its file has other content')
      await this.dropDamaged(digest, record, error)
      throw error
    } finally {
      release()
    }
  }

  async #readAll(digest: Digest, file: OpenFile, buffer: Uint8Array): Promise<number> {
    try {
      return await readFully(file, buffer, 0)
    } catch (error) {
      throw fileError(error, `Sqlite: cannot read the file of blob ${formatDigest(digest)}`, digest)
    } finally {
      await file.close()
    }
  }

  #holdFile({ id, costBytes }: BlobRecord, fileId: number, hold: () => () => void): () => void {
    const noteClosed = this.#store.openFiles.add({ fileId, blobId: id, costBytes })
    const letGo = hold()
    return () => {
      noteClosed()
      letGo()
    }
  }
}

/** The content of a blob in a buffer that has room for one byte more; undefined when what was read is not that. */
function contentOf(digest: Digest, buffer: Uint8Array, bytesRead: number | undefined): Uint8Array | undefined {
  if (bytesRead !== digest.sizeBytes) return undefined
  const bytes = buffer.subarray(0, bytesRead)
  return digestOf(bytes, digest.digestFunction).hash === digest.hash ? bytes : undefined
}

/** The content of a blob that is a row, or what is wrong with it. */
export function checkRow(digest: Digest, bytes: Uint8Array | null): Uint8Array | StorageError {
  if (bytes === null) return corruptError(digest, 'its content is gone')
  const isWhole = bytes.byteLength === digest.sizeBytes && digestOf(bytes, digest.digestFunction).hash === digest.hash
  return isWhole ? bytes : corruptError(digest, 'its row has other content')
}
