import type { Blob } from '../bench-server/blobs.ts'
import type { BlobSeries } from './blob-series.ts'

/** Above the numbers of all blobs that a store is filled with. */
const FIRST = 2 ** 42

/** Numbers that may be used in one millisecond: so many blobs cannot be sent in that time. */
const PER_MILLISECOND = 1024

/** Blobs of a series that were never stored anywhere, not even by an earlier run: they are numbered by the time. */
export class FreshBlobs {
  readonly #series: BlobSeries
  #next: number

  constructor(series: BlobSeries, nowMs: number = Date.now()) {
    this.#series = series
    this.#next = FIRST + nowMs * PER_MILLISECOND
  }

  take(count: number): Blob[] {
    const first = this.#next
    this.#next += count
    return Array.from({ length: count }, (_, index) => this.#series.blob(first + index))
  }
}
