import type { BlockingReads, FileRead } from './blocking-reads.ts'
import type { OpenFile } from './file-operations.ts'
import type { FileStat } from './file-stat.ts'
import { processorDelayMs } from './processor-delay.ts'

/** What a read may take without counting as waiting, in milliseconds: a trip to the thread pool takes about as long. */
const QUICK_MS = 0.1

/** What it may take besides for each byte. */
const QUICK_MS_PER_BYTE = 0.5 / 1024 ** 2

/** How much waiting is let pass at once, in milliseconds. */
const ALLOWED_MS = 10

/** The share of the time that may be spent waiting, in the long run. */
const ALLOWED_SHARE = 1 / 20

/** How long after a read that took long it is found out of each whether it had the processor, in milliseconds. */
const WATCHED_MS = 1000

/** How old what the system told of others may be, in milliseconds: so much of a delay before a read may pass for one during it. */
const FRESH_MS = 1

/** What tells how quick reads are; tests have their own. */
export interface QuickReadsOptions {
  /** A time in milliseconds that never goes back. */
  readonly now?: (() => number) | undefined
  /** How long this thread had no processor although it had work, in milliseconds, if the system tells. Default: it is asked. */
  readonly delayMs?: (() => number | undefined) | undefined
}

/**
 * Reads on the event loop as long as that is quick, because the system has in memory what is asked for: a trip to the thread
 * pool costs ten times the CPU of a look at a file.
 *
 * Reads that turn out to wait for a disk use up an allowance; while there is none, there is no quick answer, and whoever asks
 * goes the long way. So the event loop waits for disks a twentieth of the time at most, and once for a read that is very slow.
 * One that took long because others had the processor has not waited for a disk: where there is much to do, going the long way
 * would make it more. Nor is there a quick answer where anything goes wrong: the long way says what it is.
 */
export class QuickReads {
  readonly #reads: BlockingReads | undefined
  readonly #now: () => number
  readonly #delayMs: () => number | undefined
  #waitedMs = 0
  #countedAt = 0
  #watchedUntil = 0
  #toldDelayMs: number | undefined
  #askedAt = Number.NEGATIVE_INFINITY

  /** Without `reads`, there are no quick answers. */
  constructor(reads: BlockingReads | undefined, { now, delayMs }: QuickReadsOptions = {}) {
    this.#reads = reads
    this.#now = now ?? (() => performance.now())
    this.#delayMs = delayMs ?? processorDelayMs
  }

  /** What the file system knows of a file; null when there is none; undefined when there is no quick answer. See {@link BlockingReads.stat}. */
  stat(path: string, isFolderSeen?: boolean): FileStat | null | undefined {
    return this.#attempt(0, (reads) => reads.stat(path, isFolderSeen))
  }

  /** Reads from a position in a file until `buffer` is full or the file ends; undefined when there is no quick answer. */
  read(path: string, buffer: Uint8Array, position: number): FileRead | undefined {
    return this.#attempt(buffer.byteLength, (reads) => reads.read(path, buffer, position))
  }

  /** Reads from a position in an open file, at most until `buffer` is full; undefined when there is no quick answer. */
  readOpen(file: OpenFile, buffer: Uint8Array, position: number): number | undefined {
    return this.#attempt(buffer.byteLength, () => file.readBlocking?.(buffer, position))
  }

  #attempt<Result>(sizeBytes: number, read: (reads: BlockingReads) => Result): Result | undefined {
    if (this.#reads === undefined) return undefined
    const startedAt = this.#now()
    if (this.#waitedMs - (startedAt - this.#countedAt) * ALLOWED_SHARE >= ALLOWED_MS) return undefined
    // Asking takes as long as a look at a file, so it is not done before a read has taken long, and then now and then.
    const delayBefore = startedAt < this.#watchedUntil ? this.#recentDelayMs(startedAt) : undefined
    try {
      return read(this.#reads)
    } catch {
      return undefined
    } finally {
      const endedAt = this.#now()
      const waitedMs = endedAt - startedAt - QUICK_MS - sizeBytes * QUICK_MS_PER_BYTE
      if (waitedMs > 0) this.#count(waitedMs, endedAt, delayBefore)
    }
  }

  #count(waitedMs: number, endedAt: number, delayBefore: number | undefined): void {
    this.#watchedUntil = endedAt + WATCHED_MS
    const delayMs = delayBefore === undefined ? 0 : (this.#askDelayMs(endedAt) ?? 0) - delayBefore
    const left = Math.max(this.#waitedMs - (endedAt - this.#countedAt) * ALLOWED_SHARE, 0)
    this.#waitedMs = left + Math.max(waitedMs - delayMs, 0)
    this.#countedAt = endedAt
  }

  #recentDelayMs(now: number): number | undefined {
    return now - this.#askedAt < FRESH_MS ? this.#toldDelayMs : this.#askDelayMs(now)
  }

  #askDelayMs(now: number): number | undefined {
    this.#toldDelayMs = this.#delayMs()
    this.#askedAt = now
    return this.#toldDelayMs
  }
}
