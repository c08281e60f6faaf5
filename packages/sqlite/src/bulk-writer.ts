import type { Digest, OperationOptions, SliceOptions, Status } from '@caskade/core'
import {
  assertDigest,
  inSlices,
  mapLimit,
  okStatus,
  statusOfError,
  statusOfItemError,
  verifyBytes,
} from '@caskade/core'
import type { BlobWriter } from './blob-writer.ts'
import { blobRowCostBytes } from './blob-writer.ts'
import type { SqliteStore } from './sqlite-store.ts'
import type { Transaction } from './write-queue.ts'

/** How many rows, and of how much content in bytes, are stored by one job: some 2 milliseconds' worth. */
const ROWS_PER_JOB = 32
const BYTES_PER_JOB = 256 * 1024

/** How many jobs are under way at once. */
const CONCURRENCY = 4

/** A blob of those to be stored, and which of them it is. */
interface Item {
  readonly index: number
  readonly digest: Digest
  readonly bytes: Uint8Array
}

/** What is known of each blob so far; nothing of those that are to be stored one by one. */
type Statuses = (Status | undefined)[]

/** Stores many small blobs with few jobs: one by one, each would cost three times the CPU. */
export class BulkWriter {
  readonly #store: SqliteStore
  readonly #writer: BlobWriter
  readonly #maxRowBytes: number

  constructor(store: SqliteStore, writer: BlobWriter, maxRowBytes: number) {
    this.#store = store
    this.#writer = writer
    this.#maxRowBytes = maxRowBytes
  }

  /**
   * Stores those that become rows, each if it matches its digest. Resolves to a status for each; none for those that have to be
   * stored by themselves, because they become files, or could not be stored together.
   */
  async store(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    { signal, ...slices }: SliceOptions & OperationOptions,
  ): Promise<readonly (Status | undefined)[]> {
    const statuses: Statuses = blobs.map(() => undefined)
    const missing: Item[] = []
    const stored: number[] = []
    const look = ([digest, bytes]: readonly [Digest, Uint8Array], index: number): void => {
      if (bytes.byteLength > this.#maxRowBytes) return
      const malformed = statusOf(() => assertDigest(digest))
      const isStored = malformed.code === 'ok' ? this.#isStored(digest) : false
      if (malformed.code !== 'ok') statuses[index] = malformed
      else if (isStored === false) missing.push({ index, digest, bytes })
      else if (isStored === true) {
        statuses[index] = statusOf(() => verifyBytes(digest, bytes))
        stored.push(index)
      }
    }
    await inSlices(blobs, look, slices)
    await mapLimit(jobsOf(missing), CONCURRENCY, async (items) => {
      signal?.throwIfAborted()
      await this.#run(items, statuses)
    })
    if (stored.length > 0) await this.#settle(stored, statuses, signal)
    signal?.throwIfAborted()
    return statuses
  }

  /** Undefined when that cannot be told: stored by itself, each blob has its own chance, and its own error. */
  #isStored(digest: Digest): boolean | undefined {
    try {
      return this.#writer.use(digest)
    } catch {
      return undefined
    }
  }

  /** Another writer may have committed what was found stored, and not yet synced it. */
  async #settle(stored: readonly number[], statuses: Statuses, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#store.settled()
    } catch (error) {
      const status = statusOfItemError(error, signal)
      for (const index of stored) if (statuses[index]?.code === 'ok') statuses[index] = status
    }
  }

  async #run(items: readonly Item[], statuses: Statuses): Promise<void> {
    const costBytes = costOf(items)
    try {
      const stored = await this.#store.disk.use(costBytes, 'row', () =>
        this.#store.writeWithRoom(
          () => ({ bytes: costOf(items.filter(({ digest }) => !this.#writer.isStored(digest))), destination: 'row' }),
          (transaction) => items.map((item) => this.#insert(transaction, item)),
        ),
      )
      for (const [at, { index }] of items.entries()) statuses[index] = stored[at]
    } catch {
      // As above.
    }
  }

  /** Verified here and not before, so that nobody can write to it in between; it needs no copy. */
  #insert(transaction: Transaction, { digest, bytes }: Item): Status {
    const status = statusOf(() => verifyBytes(digest, bytes))
    if (status.code === 'ok') this.#writer.insertRow(transaction, digest, bytes)
    return status
  }
}

/** The items in groups, each for one job. */
function jobsOf(items: readonly Item[]): Item[][] {
  const jobs: Item[][] = []
  let job: Item[] = []
  let bytes = 0
  for (const item of items) {
    if (job.length === ROWS_PER_JOB || (job.length > 0 && bytes + item.bytes.byteLength > BYTES_PER_JOB)) {
      jobs.push(job)
      job = []
      bytes = 0
    }
    job.push(item)
    bytes += item.bytes.byteLength
  }
  if (job.length > 0) jobs.push(job)
  return jobs
}

function costOf(items: readonly Item[]): number {
  return items.reduce((sum, { bytes }) => sum + blobRowCostBytes(bytes.byteLength), 0)
}

function statusOf(check: () => void): Status {
  try {
    check()
    return okStatus
  } catch (error) {
    return statusOfError(error)
  }
}
