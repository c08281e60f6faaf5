import type { Digest } from '@caskade/core'
import { digestOfKey } from './blob-key.ts'
import { KEPT_REMOVALS } from './schema.ts'
import type { SqlDatabase, Statement } from './sql.ts'
import { selectAll, selectOne } from './sql.ts'

/** The record of the blobs that were removed lately, by whichever process. */
export class Removals {
  readonly #last: Statement
  readonly #since: Statement

  constructor(database: SqlDatabase) {
    this.#last = database.prepare('SELECT max(id) FROM removal').pluck()
    this.#since = database.prepare('SELECT key, size_bytes AS sizeBytes FROM removal WHERE id > ?')
  }

  /** The number of the last one; 0 when there was none. */
  last(): number {
    return selectOne<number | null>(this.#last) ?? 0
  }

  /** The blobs of the removals after `seen`, up to `last`; undefined when not all of them are on record any more. */
  between(seen: number, last: number): Digest[] | undefined {
    const count = last - seen
    if (count < 0 || count > KEPT_REMOVALS) return undefined
    const rows = selectAll<{ key: Uint8Array; sizeBytes: number }>(this.#since, seen)
    return rows.length === count ? rows.map(({ key, sizeBytes }) => digestOfKey(key, sizeBytes)) : undefined
  }
}
