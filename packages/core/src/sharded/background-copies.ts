import { abortable } from '../abortable.ts'
import type { Digest } from '../digest.ts'
import { KeyCounts } from '../key-counts.ts'
import type { OperationOptions } from '../operation-options.ts'
import { reportEvent } from '../storage-events.ts'

/** What {@link BackgroundCopies} needs of the one it copies for. */
export interface BackgroundCopiesOptions {
  /** `TYPE` of the owner, for events. */
  readonly storageType: string
  /** Tells whether another copy may begin; once it may not, those that wait are forgotten. */
  readonly isRunning: () => boolean
  /** Keeps the owner from stopping until the returned function is called. */
  readonly hold: () => () => void
  /** How many copies run at once. Default: 4. */
  readonly maxRunning?: number | undefined
  /** How many may wait for their turn; further ones are left out. Default: 10,000. */
  readonly maxWaiting?: number | undefined
}

/** One thing to copy. */
export interface Copy {
  /** What it is a copy of; no two copies of one key are made at once. */
  readonly key: string
  /** Names the blob in events. */
  readonly digest?: Digest | undefined
  /** Makes the copy. Must leave nothing behind when the signal is aborted before it is complete. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/**
 * Makes copies in the background, few at once, for an owner whose callers do not wait for them.
 *
 * A failure is reported as an event, and that is all: whoever needs the copy adds it again with the next use.
 */
export class BackgroundCopies {
  readonly #storageType: string
  readonly #isRunning: () => boolean
  readonly #hold: () => () => void
  readonly #maxRunning: number
  readonly #maxWaiting: number
  readonly #waiting = new Map<string, Copy>()
  readonly #running = new Map<string, { readonly ending: AbortController; readonly finished: Promise<void> }>()
  /** The keys of which some operation excludes a copy. */
  readonly #excluded = new KeyCounts()

  constructor({ storageType, isRunning, hold, maxRunning = 4, maxWaiting = 10_000 }: BackgroundCopiesOptions) {
    this.#storageType = storageType
    this.#isRunning = isRunning
    this.#hold = hold
    this.#maxRunning = maxRunning
    this.#maxWaiting = maxWaiting
  }

  /** Makes a copy when its turn comes, unless one of its key is under way or excluded, or too many wait. */
  add(copy: Copy): void {
    const { key } = copy
    if (this.#waiting.has(key) || this.#running.has(key) || this.#excluded.has(key)) return
    if (this.#waiting.size >= this.#maxWaiting) return
    this.#waiting.set(key, copy)
    this.#beginNext()
  }

  /**
   * Runs an operation while no copy of the keys is being made: those that wait are forgotten, those under way are ended
   * and waited for, and no new one begins until the operation has ended.
   */
  async without<Result>(
    keys: readonly string[],
    { signal }: OperationOptions,
    operation: () => Promise<Result>,
  ): Promise<Result> {
    this.#excluded.add(keys)
    try {
      const running = keys.flatMap((key) => this.#running.get(key) ?? [])
      for (const { ending } of running) ending.abort()
      for (const key of keys) this.#waiting.delete(key)
      if (running.length > 0) await abortable(Promise.all(running.map(({ finished }) => finished)), signal)
      return await operation()
    } finally {
      this.#excluded.remove(keys)
    }
  }

  /** Forgets the copies that wait, and ends those under way without waiting for them. */
  endAll(): void {
    this.#waiting.clear()
    for (const { ending } of this.#running.values()) ending.abort()
  }

  #beginNext(): void {
    if (!this.#isRunning()) this.#waiting.clear()
    for (const copy of this.#waiting.values()) {
      if (this.#running.size >= this.#maxRunning) return
      this.#waiting.delete(copy.key)
      this.#begin(copy)
    }
  }

  #begin(copy: Copy): void {
    const ending = new AbortController()
    const release = this.#hold()
    const finished = this.#attempt(copy, ending.signal).finally(() => {
      this.#running.delete(copy.key)
      release()
      this.#beginNext()
    })
    this.#running.set(copy.key, { ending, finished })
  }

  async #attempt({ digest, run }: Copy, signal: AbortSignal): Promise<void> {
    try {
      await run(signal)
    } catch (error) {
      if (signal.aborted) return
      reportEvent({ kind: 'copy-failure', storageType: this.#storageType, operation: 'copy', digest, error })
    }
  }
}
