import type { Digest } from '@caskade/core'
import { blobKey, digestOfKey } from './blob-key.ts'
import type { SqlDatabase, Statement } from './sql.ts'
import { selectAll, selectOne } from './sql.ts'
import type { LooseFile } from './write-queue.ts'

/** What the database knows of a blob besides its content. */
export interface BlobRecord {
  readonly id: number
  readonly sizeBytes: number
  readonly costBytes: number
  /** Microseconds since 1970; a use after it may be on record elsewhere, see `AccessLog`. */
  readonly accessedUs: number
  /** The file that holds the content; null when it is a row. */
  readonly fileId: number | null
}

/** What there is to know of a blob for noting a use of it. */
export type BlobUse = Pick<BlobRecord, 'id' | 'accessedUs'>

/** A record with the content of a blob that is a row; null when it is a file, or when the content is gone. */
export interface BlobWithContent extends BlobRecord {
  readonly bytes: Uint8Array | null
}

const COLUMNS = 'id, size_bytes AS sizeBytes, cost_bytes AS costBytes, accessed_us AS accessedUs, file_id AS fileId'

/** The statements about blobs. Those that change something must run as jobs of the write queue. */
export class BlobRecords {
  readonly #find: Statement
  readonly #oldest: Statement
  readonly #page: Statement
  readonly #insert: Statement
  readonly #remove: Statement
  readonly #touch: Statement
  readonly #findWithContent: Statement
  readonly #insertContent: Statement
  readonly #removeContent: Statement
  readonly #insertLoose: Statement
  readonly #keepLoose: Statement
  readonly #removeLoose: Statement
  readonly #findLoose: Statement
  readonly #looseOwners: Statement
  readonly #looseOf: Statement
  readonly #lastAccess: Statement
  readonly #fileOf: Statement

  constructor(database: SqlDatabase) {
    const prepare = (sql: string): Statement => database.prepare(sql)
    this.#find = prepare(`SELECT ${COLUMNS} FROM blob WHERE key = ?`)
    this.#oldest = prepare(`SELECT ${COLUMNS} FROM blob ORDER BY accessed_us LIMIT 1`)
    this.#page = prepare(`SELECT key, ${COLUMNS} FROM blob WHERE id > ? ORDER BY id LIMIT ?`)
    this.#insert = prepare(
      'INSERT INTO blob (key, size_bytes, cost_bytes, accessed_us, file_id) VALUES (?, ?, ?, ?, ?)',
    )
    this.#remove = prepare('DELETE FROM blob WHERE id = ?')
    this.#touch = prepare('UPDATE blob SET accessed_us = ? WHERE id = ? AND accessed_us < ?')
    this.#findWithContent = prepare(
      // Not a join, which SQLite would plan anew for every key.
      `SELECT ${COLUMNS}, (SELECT bytes FROM content WHERE blob_id = blob.id AND file_id IS NULL) AS bytes
       FROM blob WHERE key = ?`,
    )
    this.#insertContent = prepare('INSERT OR REPLACE INTO content (blob_id, bytes) VALUES (?, ?)')
    this.#removeContent = prepare('DELETE FROM content WHERE blob_id = ?')
    this.#insertLoose = prepare('INSERT INTO loose_file (owner, cost_bytes) VALUES (?, ?)')
    this.#keepLoose = prepare('INSERT INTO loose_file (id, owner, cost_bytes) VALUES (?, ?, ?)')
    this.#removeLoose = prepare('DELETE FROM loose_file WHERE id = ? RETURNING cost_bytes AS costBytes')
    this.#findLoose = prepare('SELECT id, cost_bytes AS costBytes FROM loose_file WHERE id = ?')
    this.#looseOwners = prepare('SELECT DISTINCT owner FROM loose_file')
    this.#looseOf = prepare('SELECT id, cost_bytes AS costBytes FROM loose_file WHERE owner = ?')
    this.#fileOf = prepare('SELECT file_id AS fileId FROM blob WHERE id = ?')
    this.#lastAccess = prepare(
      `SELECT max(coalesce((SELECT max(accessed_us) FROM blob), 0), coalesce((SELECT max(accessed_us) FROM entry), 0),
       coalesce((SELECT max(last_us) FROM recent_use), 0)) AS last`,
    )
  }

  /** The record of a stored blob; a digest with another size finds none. */
  find(digest: Digest): BlobRecord | undefined {
    const record = this.findHash(digest)
    return record?.sizeBytes === digest.sizeBytes ? record : undefined
  }

  /** Likewise, with its content if it is a row: one look instead of two. */
  findWithContent(digest: Digest): BlobWithContent | undefined {
    const record = this.findHashWithContent(digest)
    return record?.sizeBytes === digest.sizeBytes ? record : undefined
  }

  /** Likewise, whatever its size. */
  findHashWithContent(digest: Pick<Digest, 'hash' | 'digestFunction'>): BlobWithContent | undefined {
    return selectOne<BlobWithContent>(this.#findWithContent, blobKey(digest))
  }

  /** The record of a stored blob, whatever its size. */
  findHash(digest: Pick<Digest, 'hash' | 'digestFunction'>): BlobRecord | undefined {
    return selectOne<BlobRecord>(this.#find, blobKey(digest))
  }

  /** The record of the blob that was used least recently. */
  oldest(): BlobRecord | undefined {
    return selectOne<BlobRecord>(this.#oldest)
  }

  /** The blobs whose id follows `afterId`, in the order of ids. */
  page(afterId: number, limit: number): (BlobUse & { readonly digest: Digest })[] {
    const rows = selectAll<BlobRecord & { readonly key: Uint8Array }>(this.#page, afterId, limit)
    return rows.map(({ id, key, sizeBytes, accessedUs }) => ({ id, digest: digestOfKey(key, sizeBytes), accessedUs }))
  }

  insert(digest: Digest, record: Omit<BlobRecord, 'id' | 'sizeBytes'>): number {
    const { costBytes, accessedUs, fileId } = record
    const { lastInsertRowid } = this.#insert.run(blobKey(digest), digest.sizeBytes, costBytes, accessedUs, fileId)
    return Number(lastInsertRowid)
  }

  /** Removes a record and, when it is a row, its content. */
  remove({ id, fileId }: BlobRecord): void {
    this.#remove.run(id)
    if (fileId === null) this.#removeContent.run(id)
  }

  /** Has the row of a blob say when it was used, unless it says a later time. */
  touch(id: number, accessedUs: number): void {
    this.#touch.run(accessedUs, id, accessedUs)
  }

  insertContent(id: number, bytes: Uint8Array): void {
    this.#insertContent.run(id, bytes)
  }

  /** Notes that a file is about to be written; returns its id. */
  insertLooseFile(owner: string, costBytes: number): number {
    return Number(this.#insertLoose.run(owner, costBytes).lastInsertRowid)
  }

  /** Notes that a file no longer belongs to a blob and is about to be removed. */
  keepLooseFile(fileId: number, owner: string, costBytes: number): void {
    this.#keepLoose.run(fileId, owner, costBytes)
  }

  /** Forgets a loose file, because a blob names it now or it was removed; returns its cost, undefined if it was forgotten before. */
  removeLooseFile(fileId: number): number | undefined {
    return selectOne<{ costBytes: number }>(this.#removeLoose, fileId)?.costBytes
  }

  /** Finds a file that is listed as loose: no blob names it, and it was not removed. */
  findLooseFile(fileId: number): LooseFile | undefined {
    return selectOne<LooseFile>(this.#findLoose, fileId)
  }

  /** Tells whether a blob names a file, or the list of loose ones. */
  isFileKnown({ fileId, blobId }: { readonly fileId: number; readonly blobId: number }): boolean {
    if (selectOne<{ fileId: number | null }>(this.#fileOf, blobId)?.fileId === fileId) return true
    return this.findLooseFile(fileId) !== undefined
  }

  looseFileOwners(): string[] {
    return selectAll<{ owner: string }>(this.#looseOwners).map(({ owner }) => owner)
  }

  looseFilesOf(owner: string): LooseFile[] {
    return selectAll<LooseFile>(this.#looseOf, owner)
  }

  /** The latest recorded use of anything, in microseconds since 1970. */
  lastAccessUs(): number {
    return selectOne<{ last: number }>(this.#lastAccess)?.last ?? 0
  }
}
