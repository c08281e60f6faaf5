import type { Digest } from '../digest.ts'
import { digestKey } from '../digest.ts'

/** How many blobs are touched by one call at most. */
const MAX_BATCH = 1000

/** How many recently used blobs are remembered; beyond, all are forgotten, which costs a touch more of each. */
const MAX_REMEMBERED = 50_000

/** How long uses are gathered before they are passed on, in milliseconds. */
const GATHER_MS = 1000

/** How a {@link TouchBatcher} works. */
export interface TouchBatcherOptions {
  /** A blob that is used all the time is touched once in this many milliseconds. */
  readonly periodMs: number
  /** Tells the storage that counts that these blobs are in use. */
  readonly touch: (digests: readonly Digest[]) => Promise<unknown>
  /** Hears why some blobs could not be touched; their next use will be passed on again. */
  readonly onFailure: (error: unknown) => void
}

/** Tells a storage which of its blobs are used although it is not asked for them: many at once, each only so often. */
export class TouchBatcher {
  readonly #options: TouchBatcherOptions
  readonly #recent = new Set<string>()
  #gathered: Digest[] = []
  #timer: NodeJS.Timeout | undefined
  #periodEnds = 0
  #touching: Promise<void> | undefined

  constructor(options: TouchBatcherOptions) {
    this.#options = options
  }

  /** Notes a use. Costs next to nothing for a blob that was used a short while ago. */
  used(digest: Digest): void {
    const now = performance.now()
    if (now >= this.#periodEnds || this.#recent.size >= MAX_REMEMBERED) {
      this.#recent.clear()
      this.#periodEnds = now + this.#options.periodMs
    }
    const key = digestKey(digest)
    if (this.#recent.has(key) || this.#gathered.length >= MAX_REMEMBERED) return
    this.#recent.add(key)
    this.#gathered.push(digest)
    if (this.#gathered.length >= MAX_BATCH && this.#touching === undefined) void this.flush()
    else this.#timer ??= setTimeout(() => void this.flush(), Math.min(GATHER_MS, this.#options.periodMs)).unref()
  }

  /** Passes on what was gathered, and waits until all of it has been. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#touching ??= this.#touchAll().finally(() => {
      this.#touching = undefined
    })
    await this.#touching
  }

  async #touchAll(): Promise<void> {
    while (this.#gathered.length > 0) {
      const digests = this.#gathered.splice(0, MAX_BATCH)
      try {
        await this.#options.touch(digests)
      } catch (error) {
        // The others would hardly fare better, and a stop does not wait for each of them to fail.
        for (const digest of [...digests, ...this.#gathered.splice(0)]) this.#recent.delete(digestKey(digest))
        this.#options.onFailure(error)
      }
    }
  }
}
