import type { BlockingReads } from './blocking-reads.ts'
import type { FileStat } from './file-stat.ts'

/** What a read may take without counting as waiting, in milliseconds: a trip to the thread pool takes about as long. */
const QUICK_MS = 0.1

/** How much waiting is let pass at once, in milliseconds. */
const ALLOWED_MS = 1

/** The share of the time that may be spent waiting, in the long run. */
const ALLOWED_SHARE = 1 / 20

/**
 * Reads on the event loop as long as that is quick, because the system has in memory what is asked for: a trip to the thread
 * pool costs ten times the CPU of a look at a file.
 *
 * Reads that turn out to wait for a disk use up an allowance; while there is none, there is no quick answer, and whoever asks
 * goes the long way. So the event loop waits for disks a twentieth of the time at most, and once for a read that is very slow.
 * Nor is there a quick answer where anything goes wrong: the long way says what it is.
 */
export class QuickReads {
  readonly #reads: BlockingReads | undefined
  readonly #now: () => number
  readonly #readSwitches: () => number
  /** How often the process had given up the processor by itself, when that was looked at last. */
  #switches = 0
  #waitedMs = 0
  #countedAt = 0

  /**
   * Without `reads`, there are no quick answers. `now` is a time in milliseconds that never goes back, `readSwitches` how often
   * the process has given up the processor to wait for something, ever; 0 where nobody knows.
   */
  constructor(
    reads: BlockingReads | undefined,
    now: () => number = () => performance.now(),
    readSwitches: () => number = () => process.resourceUsage().voluntaryContextSwitches,
  ) {
    this.#reads = reads
    this.#now = now
    this.#readSwitches = readSwitches
  }

  /** Begins many reads: those that take long although the process does not wait, as others have the processor, do not count. */
  begin(): void {
    this.#switches = this.#readSwitches()
  }

  /** What the file system knows of a file; null when there is none; undefined when there is no quick answer. See {@link BlockingReads.stat}. */
  stat(path: string, isFolderSeen?: boolean): FileStat | null | undefined {
    return this.#attempt((reads) => reads.stat(path, isFolderSeen))
  }

  /** Reads from a position in a file until `buffer` is full or the file ends; undefined when there is no quick answer. */
  read(path: string, buffer: Uint8Array, position: number): number | undefined {
    return this.#attempt((reads) => reads.read(path, buffer, position))
  }

  #attempt<Result>(read: (reads: BlockingReads) => Result): Result | undefined {
    if (this.#reads === undefined) return undefined
    const startedAt = this.#now()
    if (this.#waitedMs - (startedAt - this.#countedAt) * ALLOWED_SHARE >= ALLOWED_MS) return undefined
    try {
      return read(this.#reads)
    } catch {
      return undefined
    } finally {
      this.#count(startedAt)
    }
  }

  #count(startedAt: number): void {
    const endedAt = this.#now()
    const left = Math.max(this.#waitedMs - (startedAt - this.#countedAt) * ALLOWED_SHARE, 0)
    const waitedMs = endedAt - startedAt - QUICK_MS
    this.#waitedMs = waitedMs > 0 && this.#hasWaited() ? left + waitedMs : left
    this.#countedAt = endedAt
  }

  /** Tells whether the process may have waited since {@link begin}; if no thread of it did, then not for a disk either. */
  #hasWaited(): boolean {
    const switches = this.#readSwitches()
    const mayHaveWaited = switches === 0 || switches !== this.#switches
    this.#switches = switches
    return mayHaveWaited
  }
}
