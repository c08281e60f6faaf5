import { setTimeout as delay } from 'node:timers/promises'
import { Lifecycle } from '../lifecycle.ts'
import { MAX_TIMER_MS } from '../provider.ts'
import type { StorageABC } from '../storage-abc.ts'
import { StorageError } from '../storage-error.ts'
import { reportEvent } from '../storage-events.ts'
import type { BlobCondition } from './check-content.ts'

/** What a {@link Scrubber} does, and how fast. */
export interface ScrubberOptions {
  /** What is checked. A composite checks its parts, and heals one from another where it can. */
  readonly storage: StorageABC
  /** How much is read in a second, in bytes, on average. Default: 4 MiB. */
  readonly maxBytesPerSecond?: number | undefined
  /** How long to rest between two rounds, in milliseconds. Default: a day. */
  readonly pauseMs?: number | undefined
  /** Is told what each round came to. */
  readonly onRound?: ((report: ScrubReport) => void) | undefined
  /** The time that has passed, in milliseconds. Default: `performance.now`. */
  readonly now?: (() => number) | undefined
  /** Waits so many milliseconds; rejects when the signal is aborted. Default: a timer that keeps no process alive. */
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined
}

/** What a round over all blobs came to. */
export interface ScrubReport {
  readonly checkedBlobs: number
  readonly checkedBytes: number
  /** Blobs that were damaged and dropped. */
  readonly damagedBlobs: number
  /** Blobs that were damaged and replaced. */
  readonly healedBlobs: number
  /** Blobs that could not be checked. */
  readonly failedBlobs: number
}

/** What a blob counts for at least, so that many small ones keep the disk no busier than a few large ones. */
const MIN_BLOB_BYTES = 4096

/** How far reading may be ahead of its rate before it rests, in milliseconds. */
const MIN_REST_MS = 20

/**
 * Reads all blobs of a storage again and again, at a bounded rate, so that damage is found before somebody needs them.
 *
 * What is damaged is dropped, or healed where the storage can, and reported as `corrupt`. It runs in the background from
 * `start()` to `stop()`; it neither starts nor stops the storage, and does not count as use where the storage can tell.
 */
export class Scrubber extends Lifecycle {
  readonly #storage: StorageABC
  readonly #maxBytesPerSecond: number
  readonly #pauseMs: number
  readonly #onRound: ScrubberOptions['onRound']
  readonly #now: () => number
  readonly #wait: (ms: number, signal?: AbortSignal) => Promise<unknown>
  #stopping = new AbortController()
  #working: Promise<void> | undefined

  /** @throws StorageError `invalid-argument` for a rate that is not above 0, or a pause that no timer takes. */
  constructor({
    storage,
    maxBytesPerSecond = 4 * 1024 ** 2,
    pauseMs = 86_400_000,
    onRound,
    now = () => performance.now(),
    wait = (ms, signal) => delay(ms, undefined, { ref: false, signal }),
  }: ScrubberOptions) {
    super()
    if (!(maxBytesPerSecond > 0)) {
      throw new StorageError('invalid-argument', 'Scrubber: maxBytesPerSecond must be a number of bytes above 0')
    }
    if (!(pauseMs >= 0 && pauseMs <= MAX_TIMER_MS)) {
      throw new StorageError('invalid-argument', `Scrubber: pauseMs must be from 0 to ${MAX_TIMER_MS} milliseconds`)
    }
    this.#storage = storage
    this.#maxBytesPerSecond = maxBytesPerSecond
    this.#pauseMs = pauseMs
    this.#onRound = onRound
    this.#now = now
    this.#wait = wait
  }

  /** Checks every blob once, at the rate that was set; rejects when they cannot be listed, or with the signal's reason. */
  async scrub(signal?: AbortSignal): Promise<ScrubReport> {
    const counts = { whole: 0, absent: 0, damaged: 0, healed: 0, failed: 0 }
    let checkedBytes = 0
    let pacedBytes = 0
    const startedMs = this.#now()
    const pace = async (bytes: number): Promise<void> => {
      pacedBytes += bytes
      const restMs = startedMs + (pacedBytes / this.#maxBytesPerSecond) * 1000 - this.#now()
      if (restMs > MIN_REST_MS) await this.#wait(Math.min(restMs, MAX_TIMER_MS), signal)
    }
    for await (const { digest } of this.#storage.listBlobs({ signal })) {
      signal?.throwIfAborted()
      const condition = await this.#check(() => this.#storage.checkBlob(digest, { signal, pace }), signal)
      counts[condition] += 1
      if (condition !== 'absent') checkedBytes += digest.sizeBytes
      if (digest.sizeBytes < MIN_BLOB_BYTES) await pace(MIN_BLOB_BYTES - digest.sizeBytes)
    }
    return {
      checkedBlobs: counts.whole + counts.damaged + counts.healed,
      checkedBytes,
      damagedBlobs: counts.damaged,
      healedBlobs: counts.healed,
      failedBlobs: counts.failed,
    }
  }

  protected override async onStart(): Promise<void> {
    this.#stopping = new AbortController()
    this.#working = this.#work(this.#stopping.signal)
  }

  protected override async onStop(): Promise<void> {
    this.#stopping.abort()
    await this.#working
  }

  async #check(check: () => Promise<BlobCondition>, signal?: AbortSignal): Promise<BlobCondition | 'failed'> {
    try {
      return await check()
    } catch (error) {
      signal?.throwIfAborted()
      this.#report(error)
      return 'failed'
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#onRound?.(await this.scrub(signal))
      } catch (error) {
        if (!signal.aborted) this.#report(error)
      }
      await this.#wait(this.#pauseMs, signal).catch(() => undefined)
    }
  }

  #report(error: unknown): void {
    const { TYPE: storageType } = this.#storage.constructor as typeof StorageABC
    reportEvent({ kind: 'scrub-failure', storageType, operation: 'checkBlob', error })
  }
}
