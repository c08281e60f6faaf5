import type { Digest } from '@caskade/core'
import { USUAL_KEY_BYTES, writeUsualKey } from './blob-key.ts'
import type { BlobRecords, BlobUse } from './blob-records.ts'
import type { SqlDatabase, Statement } from './sql.ts'
import { selectAll } from './sql.ts'

/** How many blobs are looked up with one statement: more take longer each, and keep the event loop for more than a millisecond. */
const TOGETHER = 128

/** What is left is looked up with a smaller one: a place without a key costs nearly as much as one with a key. */
const FEW = 16

/** Fewer than this are looked up one by one. */
const MIN_TOGETHER = 6

/** What was found: which of the places of a statement it is about, and the record. */
type Row = readonly [keyStart: number, id: number, sizeBytes: number, accessedUs: number]

/** Looks up many blobs at once: one statement for all takes a quarter of the CPU of one for each. */
export class BlobLookups {
  readonly #blobs: BlobRecords
  readonly #lookUpMany: Statement
  readonly #lookUpFew: Statement
  readonly #keys = Buffer.alloc(TOGETHER * USUAL_KEY_BYTES)

  constructor(database: SqlDatabase, blobs: BlobRecords) {
    this.#blobs = blobs
    this.#lookUpMany = database.prepare(statementFor(TOGETHER)).raw()
    this.#lookUpFew = database.prepare(statementFor(FEW)).raw()
  }

  /** The records of those that are stored, in the order of the digests; undefined for the others. */
  find(digests: readonly Digest[]): (BlobUse | undefined)[] {
    const found: (BlobUse | undefined)[] = Array.from({ length: digests.length })
    for (let start = 0; start < digests.length;) {
      const left = digests.length - start
      const count = Math.min(left, left > TOGETHER / 2 ? TOGETHER : FEW)
      if (count < MIN_TOGETHER || !this.#findTogether(digests, start, count, found)) {
        for (let index = start; index < start + count; index += 1) found[index] = this.#findOne(digests[index])
      }
      start += count
    }
    return found
  }

  /** Returns false when their keys are not all of the same length. */
  #findTogether(digests: readonly Digest[], start: number, count: number, found: (BlobUse | undefined)[]): boolean {
    for (let index = 0; index < count; index += 1) {
      const digest = digests[start + index]
      if (digest === undefined || !writeUsualKey(digest, this.#keys, index * USUAL_KEY_BYTES)) return false
    }
    const statement = count > FEW ? this.#lookUpMany : this.#lookUpFew
    for (const [keyStart, id, sizeBytes, accessedUs] of selectAll<Row>(
      statement,
      this.#keys.subarray(0, count * USUAL_KEY_BYTES),
    )) {
      const index = start + (keyStart - 1) / USUAL_KEY_BYTES
      if (digests[index]?.sizeBytes === sizeBytes) found[index] = { id, accessedUs }
    }
    return true
  }

  #findOne(digest: Digest | undefined): BlobUse | undefined {
    return digest === undefined ? undefined : this.#blobs.find(digest)
  }
}

/** A statement that is given the keys one after the other; as JSON, or in a list of parameters, they take twice as long. */
function statementFor(count: number): string {
  const starts = Array.from({ length: count }, (_, index) => `(${index * USUAL_KEY_BYTES + 1})`)
  return `WITH place(start) AS (VALUES ${starts.join(', ')})
    SELECT place.start, blob.id, size_bytes, accessed_us
    FROM place CROSS JOIN blob ON blob.key = substr(?, place.start, ${USUAL_KEY_BYTES})`
}
