import type { SqlDatabase, Statement } from './sql.ts'
import { selectAll, selectOne } from './sql.ts'

/**
 * Times of uses, in microseconds since 1970, by what was used: the id of a blob twice, or that of an entry twice and one.
 * So one number stands for either, and what is next to each other in a table is next to each other here.
 */
export type Uses = Map<number, number>

/** Bytes of a use in a row: its key and its time, as little-endian doubles. */
const USE_BYTES = 16

/** What stands for a blob among {@link Uses}. */
export function blobUseKey(id: number): number {
  return id * 2
}

/** What stands for an entry among {@link Uses}. */
export function entryUseKey(id: number): number {
  return id * 2 + 1
}

/**
 * The statements about uses that are later than what the rows of blobs and entries say. All that change something must run within a
 * transaction.
 *
 * The last ones are records of many, one after the other, which cost little to add to and are read as a whole. Those before are
 * kept one by one, in a table without an index, so narrow that many at once share its pages.
 */
export class UseRecords {
  readonly #owner: string
  readonly #append: Statement
  readonly #lastOwn: Statement
  readonly #forget: Statement
  readonly #empty: Statement
  readonly #owners: Statement
  readonly #usesOf: Statement
  readonly #takeOver: Statement
  readonly #usesOfOthers: Statement
  readonly #last: Statement
  readonly #keep: Statement
  readonly #find: Statement

  /** `owner` marks the records of this process. */
  constructor(database: SqlDatabase, owner: string) {
    this.#owner = owner
    this.#append = database.prepare('INSERT INTO recent_use (owner, last_us, uses) VALUES (?, ?, ?)')
    this.#lastOwn = database.prepare('SELECT coalesce(max(id), 0) FROM recent_use WHERE owner = ?').pluck()
    this.#forget = database.prepare('DELETE FROM recent_use WHERE owner = ? AND id < ?')
    this.#empty = database.prepare("UPDATE recent_use SET uses = x'' WHERE owner = ? AND id = ?")
    this.#owners = database.prepare('SELECT DISTINCT owner FROM recent_use').pluck()
    this.#usesOf = database.prepare('SELECT uses FROM recent_use WHERE owner = ? ORDER BY id').pluck()
    this.#takeOver = database.prepare('UPDATE recent_use SET owner = ? WHERE owner = ?')
    this.#usesOfOthers = database.prepare('SELECT uses FROM recent_use WHERE id > ? AND owner <> ? ORDER BY id').pluck()
    this.#last = database.prepare('SELECT coalesce(max(id), 0) FROM recent_use').pluck()
    this.#keep = database.prepare(
      `INSERT INTO last_use (key, used_us) VALUES (?, ?)
       ON CONFLICT (key) DO UPDATE SET used_us = excluded.used_us WHERE excluded.used_us > used_us`,
    )
    this.#find = database.prepare('SELECT used_us FROM last_use WHERE key = ?').pluck()
  }

  /** The number of the last record of anybody; 0 when there is none. Numbers only grow. */
  last(): number {
    return selectOne<number>(this.#last) ?? 0
  }

  /** The number of the last record of this process; 0 when there is none. */
  lastOwn(): number {
    return selectOne<number>(this.#lastOwn, this.#owner) ?? 0
  }

  /** Records some uses. */
  append(uses: Uses): void {
    let lastUs = 0
    let position = 0
    const bytes = Buffer.allocUnsafe(uses.size * USE_BYTES)
    for (const [key, usedUs] of uses) {
      position = bytes.writeDoubleLE(key, position)
      position = bytes.writeDoubleLE(usedUs, position)
      if (usedUs > lastUs) lastUs = usedUs
    }
    this.#append.run(this.#owner, lastUs, bytes)
  }

  /** Keeps a use by itself, unless a later one is. */
  keep(key: number, usedUs: number): void {
    this.#keep.run(key, usedUs)
  }

  /** The time of a use that is kept by itself; 0 when there is none. */
  find(key: number): number {
    return selectOne<number>(this.#find, key) ?? 0
  }

  /** Forgets the uses of the records of this process up to a number; the last record stays, for its time. */
  forgetUpTo(last: number): void {
    this.#forget.run(this.#owner, last)
    this.#empty.run(this.#owner, last)
  }

  /** Whose records there are. */
  owners(): string[] {
    return selectAll<string>(this.#owners)
  }

  /** Makes the records of a process that is gone those of this one, and adds them to `uses`. Returns how many records there are. */
  takeOver(owner: string, uses: Uses): number {
    const records = selectAll<Uint8Array>(this.#usesOf, owner)
    for (const bytes of records) addUses(bytes, uses)
    this.#takeOver.run(this.#owner, owner)
    return records.length
  }

  /** Adds what other processes have recorded after a number to `uses`. */
  addOfOthers(after: number, uses: Uses): void {
    for (const bytes of selectAll<Uint8Array>(this.#usesOfOthers, after, this.#owner)) addUses(bytes, uses)
  }
}

function addUses(bytes: Uint8Array, uses: Uses): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let position = 0; position + USE_BYTES <= bytes.byteLength; position += USE_BYTES) {
    const key = view.getFloat64(position, true)
    const usedUs = view.getFloat64(position + 8, true)
    if (usedUs > (uses.get(key) ?? 0)) uses.set(key, usedUs)
  }
}
