import { isErrnoException, mapLimit, reportEvent } from '@caskade/core'
import type { AccessClock, FileOperations } from '@caskade/core/files'
import type { Layout, StoredName } from './layout.ts'

/** How long a use may wait until it is recorded, in milliseconds. */
export const RECORD_AFTER_MS = 1000

/** How many uses are recorded at once. */
const CONCURRENCY = 8

/** How many uses may wait: then they are recorded at once. */
const MAX_WAITING = 4096

/** How many may wait while others are recorded: who looks up more, faster than that, waits for it. A few megabytes. */
const MAX_GATHERED = 4 * MAX_WAITING

/** What an {@link AccessLog} needs. */
export interface AccessLogOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly clock: AccessClock
  readonly granularityMs: number
}

/**
 * Records uses as the times at which files were last modified, off the path of requests: a read costs no write, and at most
 * one within each granularity.
 */
export class AccessLog {
  readonly #options: AccessLogOptions
  readonly #granularityUs: number
  #waiting = new Map<StoredName, number>()
  #recording = new Map<StoredName, number>()
  #flushing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: AccessLogOptions) {
    this.#options = options
    this.#granularityUs = options.granularityMs * 1000
  }

  /** Notes the use of a file, given when its last recorded one was; returns whether it counts. */
  use(name: StoredName, recordedUs: number): boolean {
    const now = this.#options.clock.next()
    // The clock may have been ahead when the last one was recorded.
    if (Math.abs(now - recordedUs) < this.#granularityUs) return false
    this.#note(name, now)
    return true
  }

  /** Notes the use of a file however recently it was used: a blob must not go before the entry that references it. */
  keep(name: StoredName): void {
    this.#note(name, this.#options.clock.next())
  }

  /** When a file was used that is not yet recorded, in microseconds since 1970. */
  unrecordedUs(name: StoredName): number | undefined {
    return this.#waiting.get(name) ?? this.#recording.get(name)
  }

  /** Forgets the use of a file that is gone. */
  forget(name: StoredName): void {
    this.#waiting.delete(name)
  }

  /** Waits while more uses wait than are kept in memory; asked after looking up many. */
  async gathered(): Promise<void> {
    while (this.#waiting.size > MAX_GATHERED) {
      this.#hurry()
      await this.#flushing
    }
  }

  /** Records all that was noted. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#waiting.size > 0 || this.#flushing !== undefined) {
      this.#flushing ??= this.#record().finally(() => {
        this.#flushing = undefined
      })
      await this.#flushing
    }
  }

  #note(name: StoredName, timeUs: number): void {
    this.#waiting.set(name, timeUs)
    if (this.#waiting.size >= MAX_WAITING) this.#hurry()
    else this.#timer ??= setTimeout(() => void this.flush(), RECORD_AFTER_MS).unref()
  }

  /** Records all that was noted, unless somebody does already: one call for each use would be many. */
  #hurry(): void {
    if (this.#flushing === undefined) void this.flush()
  }

  async #record(): Promise<void> {
    const { layout, files } = this.#options
    this.#recording = this.#waiting
    this.#waiting = new Map()
    let failure: unknown
    await mapLimit([...this.#recording], CONCURRENCY, async ([name, timeUs]) => {
      await files.setModified(layout.pathOf(name), timeUs).catch((error: unknown) => {
        if (!isErrnoException(error, 'ENOENT')) failure = error
      })
    })
    this.#recording = new Map()
    if (failure === undefined) return
    reportEvent({ kind: 'touch-failure', storageType: 'Fs', operation: 'recordUses', error: failure })
  }
}
