import type { SqlDatabase, Statement } from './sql.ts'
import { selectOne } from './sql.ts'

/** The pages that a job may take besides what its rows count for, at most: some of every table and index. */
const PAGES_PER_JOB = 8

/** Once so many may have been added, it is measured how many were. */
const MAX_GROWN_PAGES = 1024

/**
 * What the database takes of the disk, and what of that it does not need.
 *
 * To ask costs half of what writing a small row does. So it is asked now and then; in between, this knows how much the
 * transactions may have added at most.
 */
export class DatabasePages {
  readonly #count: Statement
  readonly #free: Statement
  readonly #version: Statement
  readonly #pageBytes: number
  #totalPages = 0
  #grownPages = 0
  #freePages = 0
  /** Of the changes by other processes, when it was measured; undefined when what was measured does not hold. */
  #othersVersion: unknown

  constructor(database: SqlDatabase) {
    this.#count = database.prepare('PRAGMA page_count').pluck()
    this.#free = database.prepare('PRAGMA freelist_count').pluck()
    this.#version = database.prepare('PRAGMA data_version').pluck()
    this.#pageBytes = Number(database.pragma('page_size', { simple: true }))
    this.measure()
  }

  /** How much the database takes once the log is worked off, in bytes: when it was measured, and what may have been added. */
  get totalBytes(): number {
    return (this.#totalPages + this.#grownPages) * this.#pageBytes
  }

  /** How many of its pages are free for something new, as the last transaction left it. */
  get freePages(): number {
    return this.#freePages
  }

  /** How much of the database is free for something new, in bytes. */
  get freeBytes(): number {
    return this.#freePages * this.#pageBytes
  }

  /** Looks whether what is known still holds, when a transaction begins or somebody wants to know. */
  begin(): void {
    if (selectOne(this.#version) !== this.#othersVersion) this.measure()
  }

  /** Tells of a job that the transaction has run, and what the rows count for that it has written. */
  noteJob(rowBytes: number): void {
    this.#grownPages += PAGES_PER_JOB + Math.ceil(rowBytes / this.#pageBytes)
  }

  /** Looks at what the transaction leaves, before it is committed. */
  end(): void {
    this.#freePages = selectOne<number>(this.#free) ?? 0
    if (this.#grownPages > MAX_GROWN_PAGES) this.measure()
  }

  /** Measures; within a transaction, what that has come to so far. */
  measure(): void {
    // First: what another process does meanwhile is then seen as a change since.
    this.#othersVersion = selectOne(this.#version)
    this.#totalPages = selectOne<number>(this.#count) ?? 0
    this.#grownPages = 0
    this.#freePages = selectOne<number>(this.#free) ?? 0
  }

  /** What was measured within the transaction does not hold, because it was undone. */
  forget(): void {
    this.#othersVersion = undefined
  }
}
