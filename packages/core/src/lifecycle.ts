import { StorageError } from './storage-error.ts'
import { reportEvent } from './storage-events.ts'

/** Something that is started before and stopped after use, possibly by several owners. */
export abstract class Lifecycle implements AsyncDisposable {
  #starts = 0
  #isRunning = false
  #transition: Promise<void> = Promise.resolve()
  #holds = 0
  #whenReleased: (() => void) | undefined

  /** How long `stop()` waits for open readers and running operations, in milliseconds; then it says so and stops regardless. */
  protected readonly stopDeadlineMs: number = 10_000

  /**
   * Makes it usable. Starts are counted: after n starts it takes n stops to end. A start that failed does not count, and
   * has stopped whatever it had started.
   */
  async start(): Promise<void> {
    await this.#serially(async () => {
      if (this.#starts === 0) await this.onStart()
      this.#starts += 1
      this.#isRunning = true
    })
  }

  /**
   * Ends one start. The last one refuses new operations, waits for open readers up to a deadline, then releases
   * everything. Without a start before it, it does nothing.
   */
  async stop(): Promise<void> {
    await this.#serially(async () => {
      if (this.#starts === 0) return
      if (this.#starts > 1) {
        this.#starts -= 1
        return
      }
      this.#isRunning = false
      try {
        await this.#released()
        await this.onStop()
      } finally {
        this.#starts = 0
      }
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Acquires what the operations need. Must release it again before it rejects. */
  protected async onStart(): Promise<void> {}

  /** Releases what `onStart` acquired. */
  protected async onStop(): Promise<void> {}

  /**
   * Begins an operation.
   *
   * @throws StorageError `not-running` before `start()` or after `stop()`; the signal's reason when it is aborted.
   */
  protected assertRunning(signal: AbortSignal | undefined): void {
    if (!this.#isRunning) {
      throw new StorageError('not-running', `${this.constructor.name}: not running; call start() before using it`)
    }
    signal?.throwIfAborted()
  }

  /** Tells whether operations may begin, for work in the background that has nobody to throw to. */
  protected get isRunning(): boolean {
    return this.#isRunning
  }

  /** Keeps `stop()` waiting, up to its deadline, until the returned function is called. */
  protected hold(): () => void {
    this.#holds += 1
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#holds -= 1
      if (this.#holds === 0) this.#whenReleased?.()
    }
  }

  /** Runs an operation that `stop()` waits for, up to its deadline. */
  protected async holding<Result>(operation: () => Promise<Result>): Promise<Result> {
    const release = this.hold()
    try {
      return await operation()
    } finally {
      release()
    }
  }

  async #released(): Promise<void> {
    if (this.#holds === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenReleased = resolve
    const deadline = setTimeout(() => {
      this.#reportDeadline()
      resolve()
    }, this.stopDeadlineMs)
    await promise
    clearTimeout(deadline)
    this.#whenReleased = undefined
  }

  #reportDeadline(): void {
    const storageType = (this.constructor as { readonly TYPE?: string }).TYPE ?? this.constructor.name
    const message = `${storageType}: stopped although ${this.#holds} readers or operations had not ended`
    const error = new StorageError('unknown', message)
    reportEvent({ kind: 'stop-deadline', storageType, operation: 'stop', error })
  }

  async #serially(transition: () => Promise<void>): Promise<void> {
    const result = this.#transition.then(transition)
    this.#transition = result.catch(() => undefined)
    await result
  }
}

/** Starts several in order; when one fails, stops those that had started, in reverse, and rejects with the failure. */
export async function startAll(parts: readonly Lifecycle[]): Promise<void> {
  const started: Lifecycle[] = []
  try {
    for (const part of parts) {
      await part.start()
      started.push(part)
    }
  } catch (error) {
    await stopAll(started).catch(() => undefined)
    throw error
  }
}

/** Stops all in reverse order, each even when another fails; rejects with the first failure. */
export async function stopAll(parts: readonly Lifecycle[]): Promise<void> {
  const failures: unknown[] = []
  for (const part of parts.toReversed()) {
    await part.stop().catch((error: unknown) => failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
}
