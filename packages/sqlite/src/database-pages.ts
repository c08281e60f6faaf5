import type { SqlDatabase, Statement } from './sql.ts'
import { selectOne } from './sql.ts'

/** The pages that a job may take besides what its content does, at most: some of every table and index. */
const PAGES_PER_JOB = 8

/**
 * What the database takes of the disk, and what of that it does not need.
 *
 * Measured when a transaction ends, and when it begins if another process has changed something: asking costs as much as
 * writing a row.
 */
export class DatabasePages {
  readonly #count: Statement
  readonly #free: Statement
  readonly #version: Statement
  readonly #pageBytes: number
  #totalPages = 0
  #freePages = 0
  /** Of the changes by others, when it was measured; undefined when it is not known what there is. */
  #othersVersion: unknown
  #grownPages = 0

  constructor(database: SqlDatabase) {
    this.#count = database.prepare('PRAGMA page_count')
    this.#free = database.prepare('PRAGMA freelist_count')
    this.#version = database.prepare('PRAGMA data_version')
    this.#pageBytes = Number(database.pragma('page_size', { simple: true }))
    this.measure()
  }

  /** How much the database takes once the log is worked off, in bytes; when it was measured. */
  get totalBytes(): number {
    return this.#totalPages * this.#pageBytes
  }

  /** How many of its pages are free for something new; when it was measured. */
  get freePages(): number {
    return this.#freePages
  }

  /** How much of the database is free for something new, in bytes; when it was measured. */
  get freeBytes(): number {
    return this.#freePages * this.#pageBytes
  }

  /** The most that the transaction may have added since then, in bytes. */
  get mostGrownBytes(): number {
    return this.#grownPages * this.#pageBytes
  }

  /** Looks whether what was measured still holds, at the beginning of a transaction. */
  begin(): void {
    this.#grownPages = 0
    if (this.#readVersion() !== this.#othersVersion) this.measure()
  }

  /** Tells of a job that a transaction has run, and how much content it has written to the database. */
  noteJob(contentBytes: number): void {
    this.#grownPages += PAGES_PER_JOB + Math.ceil(contentBytes / this.#pageBytes)
  }

  /** Measures; within a transaction, as it has left it so far. */
  measure(): void {
    this.#totalPages = selectOne<{ page_count: number }>(this.#count)?.page_count ?? 0
    this.#freePages = selectOne<{ freelist_count: number }>(this.#free)?.freelist_count ?? 0
    this.#othersVersion = this.#readVersion()
    this.#grownPages = 0
  }

  /** What was measured within a transaction does not hold, because it was undone. */
  forget(): void {
    this.#othersVersion = undefined
  }

  #readVersion(): unknown {
    return selectOne<{ data_version: unknown }>(this.#version)?.data_version
  }
}
