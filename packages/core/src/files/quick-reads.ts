import { readFileSync } from 'node:fs'
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
  readonly #readDelayMs: () => number | undefined
  /** What that was when it was read last; undefined where nothing follows from that. */
  #delayMs: number | undefined
  #waitedMs = 0
  #countedAt = 0

  /**
   * Without `reads`, there are no quick answers. `now` is a time in milliseconds that never goes back, `readDelayMs` how long
   * this thread could have gone on, ever, while others had the processor; undefined where nobody knows.
   */
  constructor(
    reads: BlockingReads | undefined,
    now: () => number = () => performance.now(),
    readDelayMs: () => number | undefined = readThreadDelayMs,
  ) {
    this.#reads = reads
    this.#now = now
    this.#readDelayMs = readDelayMs
  }

  /** Makes many reads at once, without a break: that others have the processor meanwhile does not count as waiting for a disk. */
  together(makeReads: () => void): void {
    this.#delayMs = this.#readDelayMs()
    try {
      makeReads()
    } finally {
      this.#delayMs = undefined
    }
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
    const longMs = endedAt - startedAt - QUICK_MS
    this.#waitedMs = left + (longMs > 0 ? Math.max(longMs - this.#takeDelayMs(), 0) : 0)
    this.#countedAt = endedAt
  }

  /** How long others have had the processor since that was asked last. */
  #takeDelayMs(): number {
    if (this.#delayMs === undefined) return 0
    const before = this.#delayMs
    this.#delayMs = this.#readDelayMs()
    return (this.#delayMs ?? before) - before
  }
}

/** The second number of Linux is how long the thread waited for a processor, in nanoseconds (proc-sched-stat). Other systems do not tell. */
function readThreadDelayMs(): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const delay = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6
    return Number.isFinite(delay) ? delay : undefined
  } catch {
    return undefined
  }
}
