import type { Digest, SliceOptions, StorageError } from '@caskade/core'
import { inSlices } from '@caskade/core'
import type { BlobOpener } from './blob-opener.ts'
import { checkRow } from './blob-opener.ts'
import type { BlobRecord } from './blob-records.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** What was read at once. */
export interface BulkRead {
  /** The content of blobs that are rows, by hash. */
  readonly found: Map<string, Uint8Array>
  /** Those that are files. */
  readonly files: readonly Digest[]
}

/** A blob that is not what its digest says. */
interface Damaged {
  readonly digest: Digest
  readonly record: BlobRecord
  readonly error: StorageError
}

/** Reads many small blobs in few transactions, without a reader for each. */
export class BulkReader {
  readonly #store: SqliteStore
  readonly #opener: BlobOpener

  constructor(store: SqliteStore, opener: BlobOpener) {
    this.#store = store
    this.#opener = opener
  }

  /** Reads and verifies the blobs that are rows; damaged ones are dropped and count as absent. */
  async read(digests: readonly Digest[], slices: SliceOptions): Promise<BulkRead> {
    const found = new Map<string, Uint8Array>()
    const files: Digest[] = []
    const damaged: Damaged[] = []
    const readRow = (digest: Digest): void => {
      if (found.has(digest.hash)) return
      const record = this.#store.blobs.findWithContent(digest)
      if (record === undefined) return
      if (record.fileId !== null) {
        files.push(digest)
        return
      }
      this.#store.accessLog.useBlob(record)
      const content = checkRow(digest, record.bytes)
      if (content instanceof Uint8Array) found.set(digest.hash, content)
      else damaged.push({ digest, record, error: content })
    }
    await inSlices(digests, readRow, slices)
    for (const { digest, record, error } of damaged) {
      await this.#opener.dropDamaged(digest, record, error, 'bulkReadBlobs')
    }
    return { found, files }
  }
}
