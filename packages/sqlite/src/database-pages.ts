import type { SqlDatabase, Statement } from './sql.ts'
import { selectOne } from './sql.ts'

/** What the database takes of the disk, and what of that it does not need. */
export class DatabasePages {
  readonly #count: Statement
  readonly #free: Statement
  readonly #pageBytes: number

  constructor(database: SqlDatabase) {
    this.#count = database.prepare('PRAGMA page_count')
    this.#free = database.prepare('PRAGMA freelist_count')
    this.#pageBytes = Number(database.pragma('page_size', { simple: true }))
  }

  /** How much the database takes once the log is worked off, in bytes; within a transaction, as that leaves it. */
  get totalBytes(): number {
    const { page_count: pages = 0 } = selectOne<{ page_count: number }>(this.#count) ?? {}
    return pages * this.#pageBytes
  }

  /** How many of its pages are free for something new. */
  get freePages(): number {
    return selectOne<{ freelist_count: number }>(this.#free)?.freelist_count ?? 0
  }

  /** How much of the database is free for something new, in bytes. */
  get freeBytes(): number {
    return this.freePages * this.#pageBytes
  }
}
