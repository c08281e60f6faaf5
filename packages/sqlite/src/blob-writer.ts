import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { assertStorable, collectSource, formatDigest, StorageError, WriteTurns } from '@caskade/core'
import { fileCostBytes, largestFileBytes } from '@caskade/core/files'
import { largestRowBytes, rowCostBytes } from './row-cost.ts'
import type { SqliteStore } from './sqlite-store.ts'
import type { Transaction } from './write-queue.ts'

/** What a blob that is a row takes besides its content: a table row and two index entries, at how full pages are. */
const ROW_OVERHEAD_BYTES = 256

/** Stores and removes blobs: small ones as rows, larger ones as files with a row that names them. */
export class BlobWriter {
  readonly #store: SqliteStore
  readonly #maxRowBytes: number
  readonly #turns = new WriteTurns()

  constructor(store: SqliteStore, maxRowBytes: number) {
    this.#store = store
    this.#maxRowBytes = maxRowBytes
  }

  /** The size of the largest blob that the quota has room for. */
  get maxBlobBytes(): number {
    const { largestBytes } = this.#store.quota
    const largestRow = largestRowBytes(largestBytes - ROW_OVERHEAD_BYTES, this.#maxRowBytes)
    return Math.max(largestRow, largestFileBytes(largestBytes))
  }

  /** Stores content, unless it is there already; see `StorageABC.commitWrite`. */
  async commit(digest: Digest, source: BlobSource, options: OperationOptions): Promise<void> {
    assertStorable(source, digest)
    const hasWritten = await this.#turns.take(digest, source, {
      isStored: () => this.use(digest),
      write: (own) => this.#write(digest, own, options),
      signal: options.signal,
    })
    // Another writer may have committed it and not yet synced.
    if (!hasWritten) await this.#store.settled()
  }

  /** Removes a blob; succeeds when it is not there. */
  async remove(digest: Digest): Promise<void> {
    await this.#store.write((transaction) => {
      const record = this.#store.blobs.find(digest)
      if (record !== undefined) this.#store.evictor.remove(transaction, record)
    })
  }

  /** Removes a blob whose content is not what it should be, unless it was replaced meanwhile. */
  async drop(digest: Digest, id: number): Promise<void> {
    await this.#store.write((transaction) => {
      const record = this.#store.blobs.find(digest)
      if (record?.id === id) this.#store.evictor.remove(transaction, record)
    })
  }

  /** Stores content as a row, within a transaction, unless it is there already. */
  insertRow(transaction: Transaction, digest: Digest, bytes: Uint8Array): void {
    if (this.use(digest)) return
    const costBytes = blobRowCostBytes(bytes.byteLength)
    const id = this.#insert(digest, costBytes, null)
    this.#store.blobs.insertContent(id, bytes)
    transaction.usedBytes += costBytes
    transaction.rowBytes += costBytes
  }

  /** Tells whether a blob is stored; that does not count as use. */
  isStored(digest: Digest): boolean {
    return this.#store.blobs.find(digest) !== undefined
  }

  /** Notes a use of a stored blob; false when it is not there. */
  use(digest: Digest): boolean {
    const record = this.#store.blobs.find(digest)
    if (record === undefined) return false
    this.#store.accessLog.useBlob(record)
    return true
  }

  async #write(digest: Digest, source: BlobSource, options: OperationOptions): Promise<void> {
    if (digest.sizeBytes > this.#maxRowBytes) {
      const costBytes = fileCostBytes(digest.sizeBytes)
      await this.#store.disk.use(costBytes, 'file', () => this.#commitFile(digest, source, costBytes, options))
      return
    }
    const bytes = await collectSource(source, digest, options)
    const costBytes = blobRowCostBytes(bytes.byteLength)
    const need = { bytes: costBytes, destination: 'row' } as const
    const insert = (transaction: Transaction): void => this.insertRow(transaction, digest, bytes)
    await this.#store.disk.use(costBytes, 'row', () => this.#store.writeWithRoom(need, insert))
  }

  async #commitFile(digest: Digest, source: BlobSource, costBytes: number, options: OperationOptions): Promise<void> {
    const list = (transaction: Transaction): number => {
      transaction.usedBytes += costBytes
      transaction.fileBytes += costBytes
      return this.#store.blobs.insertLooseFile(this.#store.ownerId, costBytes)
    }
    // After a power failure that the list does not survive, the same ids are given again, and their files overwritten.
    const need = { bytes: costBytes, destination: 'file' } as const
    const fileId = await this.#store.writeWithRoom(need, list, { isDurable: false })
    try {
      await this.#store.files.write(fileId, digest, source, options)
      await this.#store.write(() => this.#publish(digest, fileId, costBytes))
    } finally {
      // However it ended, whether the file is needed is for the database to say: a write may fail after its commit.
      this.#store.removeIfLoose(fileId)
    }
  }

  /** Has a row name a written file, unless another writer was first and the file is not needed. */
  #publish(digest: Digest, fileId: number, costBytes: number): void {
    if (this.use(digest)) return
    if (this.#store.blobs.removeLooseFile(fileId) === undefined) {
      const message = `Sqlite: another process took this one for dead and removed the file of blob ${formatDigest(digest)}`
      throw new StorageError('unavailable', message, { digest })
    }
    this.#insert(digest, costBytes, fileId)
  }

  #insert(digest: Digest, costBytes: number, fileId: number | null): number {
    return this.#store.blobs.insert(digest, { costBytes, accessedUs: this.#store.clock.next(), fileId })
  }
}

/** What a blob takes of the quota that is a row, in bytes. */
export function blobRowCostBytes(contentBytes: number): number {
  return rowCostBytes(contentBytes) + ROW_OVERHEAD_BYTES
}
