import { StorageError } from '../storage-error.ts'

/** One question to a cache, which is given up when no answer comes in time. */
export class CacheAttempt {
  /** Rejects when the attempt is given up; never resolves. */
  readonly gaveUp: Promise<never>
  /** When it will be given up unless something happens, on the clock of `performance.now()`. */
  deadline: number = Number.POSITIVE_INFINITY
  readonly #watch: CacheWatch
  readonly #reject: (reason: unknown) => void
  #controller: AbortController | undefined
  #reason: unknown

  constructor(watch: CacheWatch) {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => undefined)
    this.gaveUp = promise
    this.#reject = reject
    this.#watch = watch
  }

  /** Aborted when the attempt is given up. Made when it is first asked for, since most attempts need none. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** Stops the clock while something else than the cache is being waited for. */
  pause(): void {
    this.#watch.remove(this)
  }

  /** Starts the clock anew: the cache did something, or is waited for again. */
  resume(): void {
    if (this.#reason === undefined) this.#watch.add(this)
  }

  /** Ends the waiting for an answer. */
  giveUp(reason: unknown): void {
    this.#watch.remove(this)
    this.#reason = reason
    this.#reject(reason)
    this.#controller?.abort(reason)
  }
}

/** Watches over all attempts of one cache with a single timer, because most end long before their deadline. */
export class CacheWatch {
  readonly #timeoutMs: number
  // All have the same timeout, so the order of insertion is the order of the deadlines.
  readonly #attempts = new Set<CacheAttempt>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Gives an attempt the whole timeout from now. */
  add(attempt: CacheAttempt): void {
    this.#attempts.delete(attempt)
    attempt.deadline = performance.now() + this.#timeoutMs
    this.#attempts.add(attempt)
    this.#timer ??= setTimeout(() => this.#check(), this.#timeoutMs)
  }

  remove(attempt: CacheAttempt): void {
    this.#attempts.delete(attempt)
    if (this.#attempts.size > 0) return
    // Left armed, it would fire for nothing; it is unlikely to be needed again soon enough to be worth keeping.
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Gives up all attempts at once. */
  giveUpAll(reason: unknown): void {
    for (const attempt of this.#attempts) attempt.giveUp(reason)
  }

  #check(): void {
    this.#timer = undefined
    for (const attempt of this.#attempts) {
      const left = attempt.deadline - performance.now()
      if (left >= 1) {
        this.#timer = setTimeout(() => this.#check(), left)
        return
      }
      attempt.giveUp(new CacheTimeoutError(this.#timeoutMs))
      // One that hangs is enough to know that the others wait in vain.
      this.giveUpAll(new CacheDisabledError())
    }
  }
}

/** The cache gave no sign of life for too long. */
export class CacheTimeoutError extends StorageError {
  constructor(timeoutMs: number) {
    super('unavailable', `WithCache: the cache did not answer within ${timeoutMs} ms`)
  }
}

/** The cache is left alone, because another question to it got no answer. */
export class CacheDisabledError extends StorageError {
  constructor() {
    super('unavailable', 'WithCache: the cache does not answer and is left alone for a while')
  }
}
