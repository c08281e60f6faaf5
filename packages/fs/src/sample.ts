import { fileCostBytes } from '@caskade/core/files'
import type { StoredName } from './layout.ts'
import { BUCKETS } from './layout.ts'
import type { StoredFiles } from './stored-files.ts'

/** How many files are looked at before the oldest of them are taken for old. */
const SAMPLE_FILES = 4096

/** The least share of a sample that may go: less is not worth the looking. */
const LEAST_SHARE = 1 / 32

/** How many of the 256 beginnings are looked at at once; 256 is divisible by it. */
const BUCKETS_AT_ONCE = 4

/** A file that may have to go. */
export interface Candidate {
  readonly name: StoredName
  /** When it was last used, as far as recorded, in microseconds since 1970. */
  readonly usedUs: number
  readonly costBytes: number
}

/** Some of what is stored, the least recently used first. */
export class Sample {
  /** How many of the 256 beginnings of hashes it covers. */
  readonly buckets: number
  #candidates: Candidate[]
  #allowanceBytes: number

  private constructor(candidates: Candidate[], covered: number, share: number) {
    this.buckets = covered
    // The last is the next to go.
    this.#candidates = candidates.toSorted((left, right) => right.usedUs - left.usedUs)
    const allBytes = candidates.reduce((sum, { costBytes }) => sum + costBytes, 0)
    this.#allowanceBytes = covered === BUCKETS ? Number.POSITIVE_INFINITY : allBytes * Math.max(share, LEAST_SHARE)
  }

  /**
   * Looks at the folders of one beginning after the other until it has seen enough, or all of them: of a small store, it
   * is the whole. Hashes are uniform, so the folders of any beginning are as good a sample as those of any other.
   *
   * @param from The beginning to start with, a number below 256.
   * @param share How much of what it finds may go, of 1, unless it is the whole.
   */
  static async take(stored: StoredFiles, from: number, share: number): Promise<Sample> {
    const byDistance = Map.groupBy(
      await stored.folders(),
      ({ bucket }) => (parseInt(bucket, 16) - from + BUCKETS) % BUCKETS,
    )
    const candidates: Candidate[] = []
    let covered = 0
    for (; covered < BUCKETS && candidates.length < SAMPLE_FILES; covered += BUCKETS_AT_ONCE) {
      const next = Array.from({ length: BUCKETS_AT_ONCE }, (_, index) => byDistance.get(covered + index) ?? []).flat()
      for (const { name, stat } of await stored.look(next)) {
        candidates.push({ name, usedUs: stat.modifiedUs, costBytes: fileCostBytes(stat.sizeBytes) })
      }
    }
    return new Sample(candidates, covered, share)
  }

  /** The next that has to go; undefined when enough of this sample has. */
  next(): Candidate | undefined {
    if (this.#allowanceBytes <= 0) return undefined
    const candidate = this.#candidates.pop()
    this.#allowanceBytes -= candidate?.costBytes ?? 0
    return candidate
  }

  /** Leaves out one that has to stay. */
  pass({ costBytes }: Candidate): void {
    this.#allowanceBytes += costBytes
  }

  /** Puts one in its place that was used later than it seemed. */
  putBack(candidate: Candidate): void {
    this.pass(candidate)
    let low = 0
    let high = this.#candidates.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#candidates[middle]?.usedUs ?? 0) > candidate.usedUs) low = middle + 1
      else high = middle
    }
    this.#candidates.splice(low, 0, candidate)
  }
}
