import type { ActionCacheEntry, ActionCacheRecord, ActionKey, Digest } from '@caskade/core'
import { decodeReferences, encodeReferences } from './blob-key.ts'
import { rowCostBytes } from './row-cost.ts'
import type { SqlDatabase, Statement } from './sql.ts'
import { selectAll, selectOne } from './sql.ts'

/** What the database knows of an action-cache entry. */
export interface EntryRecord extends ActionCacheRecord {
  readonly id: number
  readonly costBytes: number
  /** Microseconds since 1970; a use after it may be on record elsewhere, see `AccessLog`. */
  readonly accessedUs: number
}

/** What is needed to choose what to evict. */
export type EntryAge = Pick<EntryRecord, 'id' | 'costBytes' | 'accessedUs'>

interface Row {
  readonly id: number
  readonly costBytes: number
  readonly accessedUs: number
  readonly metadata: string
  /** In hexadecimal. */
  readonly referenceKeys: string
  readonly bytes: Uint8Array
}

const AGE = 'id, cost_bytes AS costBytes, accessed_us AS accessedUs'

// The references in hexadecimal: a string takes a fraction of what a buffer takes to make, and few who get an entry look at them.
const COLUMNS = `${AGE}, metadata, hex(reference_keys) AS referenceKeys, bytes`

/** What an entry takes besides its row: entries of two indexes. */
const OVERHEAD_BYTES = 256

/** The statements about entries. Those that change something must run as jobs of the write queue. */
export class EntryRecords {
  readonly #find: Statement
  readonly #age: Statement
  readonly #oldest: Statement
  readonly #page: Statement
  readonly #insert: Statement
  readonly #remove: Statement
  readonly #touch: Statement

  constructor(database: SqlDatabase) {
    const prepare = (sql: string): Statement => database.prepare(sql)
    this.#find = prepare(`SELECT ${COLUMNS} FROM entry WHERE namespace = ? AND key = ?`)
    this.#age = prepare(`SELECT ${AGE} FROM entry WHERE namespace = ? AND key = ?`)
    this.#oldest = prepare(`SELECT ${AGE} FROM entry ORDER BY accessed_us LIMIT 1`)
    this.#page = prepare(
      `SELECT ${COLUMNS}, namespace, key FROM entry WHERE id > ? AND substr(namespace, 1, length(?)) = ? ORDER BY id LIMIT ?`,
    )
    this.#insert = prepare(
      `INSERT INTO entry (namespace, key, cost_bytes, accessed_us, metadata, reference_keys, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#remove = prepare('DELETE FROM entry WHERE id = ?')
    this.#touch = prepare('UPDATE entry SET accessed_us = ? WHERE id = ? AND accessed_us < ?')
  }

  find({ namespace, key }: ActionKey): EntryRecord | undefined {
    const row = selectOne<Row>(this.#find, namespace, key)
    return row === undefined ? undefined : recordOf({ namespace, key }, row)
  }

  findAge({ namespace, key }: ActionKey): EntryAge | undefined {
    return selectOne<EntryAge>(this.#age, namespace, key)
  }

  /** The entry that was used least recently. */
  oldest(): EntryAge | undefined {
    return selectOne<EntryAge>(this.#oldest)
  }

  /** The entries whose id follows `afterId` and whose namespace begins with the prefix, in the order of ids. */
  page(afterId: number, namespacePrefix: string, limit: number): EntryRecord[] {
    const rows = selectAll<Row & ActionKey>(this.#page, afterId, namespacePrefix, namespacePrefix, limit)
    return rows.map(({ namespace, key, ...row }) => recordOf({ namespace, key }, row))
  }

  insert({ namespace, key }: ActionKey, entry: ActionCacheEntry, costBytes: number, accessedUs: number): void {
    const metadata = JSON.stringify(entry.metadata)
    const references = encodeReferences(entry.references)
    this.#insert.run(namespace, key, costBytes, accessedUs, metadata, references, entry.bytes)
  }

  remove(id: number): void {
    this.#remove.run(id)
  }

  /** Has the row of an entry say when it was used, unless it says a later time. */
  touch(id: number, accessedUs: number): void {
    this.#touch.run(accessedUs, id, accessedUs)
  }
}

/** What an entry takes of the quota, in bytes. */
export function entryCostBytes({ namespace, key }: ActionKey, entry: ActionCacheEntry): number {
  const keys = Buffer.byteLength(namespace) + Buffer.byteLength(key)
  const metadata = Buffer.byteLength(JSON.stringify(entry.metadata))
  const row = keys + metadata + entry.bytes.byteLength + entry.references.length * 42
  // The namespace and the key stand in the table and in its unique index.
  return rowCostBytes(row) + keys + OVERHEAD_BYTES
}

function recordOf(key: ActionKey, { id, costBytes, accessedUs, metadata, referenceKeys, bytes }: Row): EntryRecord {
  const entry = {
    bytes,
    get references(): Digest[] {
      return decodeReferences(Buffer.from(referenceKeys, 'hex'))
    },
    metadata: JSON.parse(metadata) as Record<string, string>,
  }
  return { id, key, entry, costBytes, accessedUs }
}
