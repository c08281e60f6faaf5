import { isWithinLease } from '@caskade/core'
import type { AccessClock } from '@caskade/core/files'
import type { AccessLog } from './access-log.ts'
import type { FileTaker } from './file-taker.ts'
import { BUCKETS } from './layout.ts'
import type { Candidate } from './sample.ts'
import { Sample } from './sample.ts'
import type { StoredFiles } from './stored-files.ts'

/** How many files are evicted before others get their turn. */
const EVICTIONS_PER_SLICE = 100

/** What an {@link Evictor} needs. */
export interface EvictorOptions {
  readonly stored: StoredFiles
  readonly taker: FileTaker
  readonly accessLog: AccessLog
  readonly clock: AccessClock
  /** What was used, as far as recorded, within so many microseconds stays. */
  readonly leaseUs: number
}

/** What a slice of eviction came to. */
export interface Slice {
  /** Nothing more can be evicted now. */
  readonly isExhausted: boolean
  /** And that is because of the lease. */
  readonly isLeased: boolean
}

/** Lets go of what was used least recently, of everything in a small store and of one sample after the other in a large one. */
export class Evictor {
  readonly #options: EvictorOptions
  #sample: Sample | undefined
  #nextBucket = Math.floor(Math.random() * BUCKETS)
  /** For a lease from then on everything is leased, in microseconds since 1970. */
  #leasedFromUs = 0
  #lastSlice: Promise<unknown> = Promise.resolve()

  constructor(options: EvictorOptions) {
    this.#options = options
  }

  /**
   * Evicts while more is wanted, for as long as a slice may take.
   *
   * @param wantedBytes How much more is wanted, asked again after each; what readers hold is not free before they end.
   * @param share How much of what is stored is to go in all, of 1: so much goes of each sample.
   */
  evict(wantedBytes: () => number, share: number): Promise<Slice> {
    const slice = this.#lastSlice.then(() => this.#evict(wantedBytes, share))
    this.#lastSlice = slice.catch(() => undefined)
    return slice
  }

  async #evict(wantedBytes: () => number, share: number): Promise<Slice> {
    let evictions = 0
    let seenBuckets = 0
    let leasedUs: number | undefined
    if (isWithinLease(this.#options.clock.nowUs() - this.#leasedFromUs, this.#options.leaseUs)) {
      return { isExhausted: true, isLeased: true }
    }
    while (wantedBytes() > 0 && evictions < EVICTIONS_PER_SLICE) {
      const candidate = this.#sample?.next()
      if (candidate !== undefined && this.#isLeased(candidate.usedUs)) {
        leasedUs = Math.min(leasedUs ?? candidate.usedUs, candidate.usedUs)
        this.#sample?.pass(candidate)
        continue
      }
      if (candidate !== undefined) {
        if (await this.#evictOne(candidate)) {
          evictions += 1
          seenBuckets = 0
        }
        continue
      }
      this.#sample = undefined
      if (seenBuckets >= BUCKETS) {
        this.#leasedFromUs = leasedUs ?? 0
        return { isExhausted: true, isLeased: leasedUs !== undefined }
      }
      this.#sample = await Sample.take(this.#options.stored, this.#nextBucket, share)
      seenBuckets += this.#sample.buckets
      this.#nextBucket = (this.#nextBucket + this.#sample.buckets) % BUCKETS
    }
    return { isExhausted: false, isLeased: false }
  }

  /** Resolves to whether it went. */
  async #evictOne({ name, usedUs, costBytes }: Candidate): Promise<boolean> {
    const { accessLog, taker } = this.#options
    const unrecordedUs = accessLog.unrecordedUs(name)
    if (unrecordedUs !== undefined && unrecordedUs > usedUs) {
      this.#sample?.putBack({ name, usedUs: unrecordedUs, costBytes })
      return false
    }
    const taken = await taker.take(
      name,
      ({ modifiedUs }) => modifiedUs === usedUs && (accessLog.unrecordedUs(name) ?? usedUs) <= usedUs,
    )
    if (taken.outcome === 'kept') this.#sample?.putBack({ name, usedUs: taken.stat.modifiedUs, costBytes })
    return taken.outcome === 'removed'
  }

  #isLeased(usedUs: number): boolean {
    return isWithinLease(this.#options.clock.nowUs() - usedUs, this.#options.leaseUs)
  }
}
