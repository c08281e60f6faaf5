import type { BlobReader, ByteRange, Digest, ReadOptions } from '@caskade/core'
import { corruptError, coversBlob, digestOf, formatDigest, readerFromBytes, reportEvent } from '@caskade/core'
import type { StorageError } from '@caskade/core'
import type { FileRead, OpenFile } from '@caskade/core/files'
import {
  fileError,
  READ_CHUNK_BYTES,
  readerFromFile,
  readerFromVerifiedFile,
  readFully,
  VerifiedFiles,
} from '@caskade/core/files'
import type { BlobRecord, BlobWithContent } from './blob-records.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** What the opening of a blob needs besides its digest. */
export interface OpenOptions extends Pick<ReadOptions, 'signal' | 'buffers'> {
  /** Keeps the storage from stopping while a file is open. */
  readonly hold: () => () => void
  /** Whether it is to find damage: then it does not count as use, and all content is hashed. Default: false. */
  readonly isCheck?: boolean | undefined
}

/** Opens blobs and verifies what it reads; damaged ones are dropped. */
export class BlobOpener {
  readonly #store: SqliteStore
  readonly #writer: BlobWriter
  readonly #verified = new VerifiedFiles()

  constructor(store: SqliteStore, writer: BlobWriter) {
    this.#store = store
    this.#writer = writer
  }

  /** Opens a range of a blob; null when it is not there. `found`: its record, when it was just looked up. */
  async open(
    digest: Digest,
    range: ByteRange,
    options: OpenOptions,
    found?: BlobWithContent,
  ): Promise<BlobReader | null> {
    let previous: BlobRecord | undefined
    for (;;) {
      const record = previous === undefined && found ? found : this.#store.blobs.findWithContent(digest)
      if (record === undefined) return null
      if (options.isCheck !== true) this.#store.accessLog.useBlob(record)
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
    const { signal, hold, buffers, isCheck: alwaysHashes } = options
    const release = this.#holdFile(record, fileId, hold)
    const file = await this.#store.files.open(fileId, digest).catch((error: unknown) => {
      release()
      throw error
    })
    if (file === undefined) {
      release()
      return undefined
    }
    const close = (): Promise<void> => file.close().finally(release)
    const stat = await file.stat().catch(async (error: unknown) => {
      await close()
      throw fileError(error, `Sqlite: cannot read the file of blob ${formatDigest(digest)}`, digest)
    })
    if (stat.sizeBytes !== digest.sizeBytes) {
      await close()
      const error = corruptError(digest, `its file has ${stat.sizeBytes} bytes`)
      await this.dropDamaged(digest, record, error)
      throw error
    }
    const reading = { signal, buffers, quick: this.#store.files.quick, release: close }
    if (!coversBlob(range, digest)) return readerFromFile(file, range, reading)
    const onCorrupt = (error: StorageError): Promise<void> => this.dropDamaged(digest, record, error)
    return readerFromVerifiedFile(file, digest, stat, { ...reading, verified: this.#verified, alwaysHashes, onCorrupt })
  }

  /** One read says both what is there and whether that is all; nothing stays open. */
  async #readAtOnce(
    digest: Digest,
    record: BlobRecord,
    fileId: number,
    { signal, hold, buffers, isCheck = false }: OpenOptions,
  ): Promise<BlobReader | undefined> {
    const sizeBytes = digest.sizeBytes + 1
    const buffer = buffers?.take(sizeBytes) ?? Buffer.allocUnsafeSlow(sizeBytes)
    const quick = this.#store.files.readQuickly(fileId, buffer)
    // Whatever is wrong, opening it tells.
    if (quick !== undefined && this.#isContent(digest, buffer, quick, isCheck)) {
      return readerFromBytes(buffer.subarray(0, digest.sizeBytes), { signal })
    }
    const release = this.#holdFile(record, fileId, hold)
    try {
      const file = await this.#store.files.open(fileId, digest)
      if (file === undefined) return undefined
      const content = buffer.subarray(0, await this.#readAll(digest, file, buffer))
      if (isContent(digest, content)) return readerFromBytes(content, { signal })
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

  /** Tells whether what was read of a file, with room for one byte more, is the content of a blob. */
  #isContent(digest: Digest, buffer: Uint8Array, { bytesRead, stat }: FileRead, isCheck: boolean): boolean {
    if (!isCheck && bytesRead === digest.sizeBytes && this.#verified.has(digest, stat)) return true
    if (!isContent(digest, buffer.subarray(0, bytesRead))) return false
    this.#verified.add(digest, stat)
    return true
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

function isContent(digest: Digest, bytes: Uint8Array): boolean {
  return bytes.byteLength === digest.sizeBytes && digestOf(bytes, digest.digestFunction).hash === digest.hash
}

/** The content of a blob that is a row, or what is wrong with it. */
export function checkRow(digest: Digest, bytes: Uint8Array | null): Uint8Array | StorageError {
  if (bytes === null) return corruptError(digest, 'its content is gone')
  return isContent(digest, bytes) ? bytes : corruptError(digest, 'its row has other content')
}
