import type { Digest } from '../digest.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { StorageErrorCode } from '../storage-error.ts'
import { StorageError } from '../storage-error.ts'
import type { StorageEvent } from '../storage-events.ts'
import { reportEvent } from '../storage-events.ts'
import { CacheAttempt, CacheDisabledError, CacheTimeoutError, CacheWatch } from './cache-attempt.ts'
import { CircuitBreaker } from './circuit-breaker.ts'

/** How many failures in a row it takes until the cache is left alone for a while. */
const MAX_FAILURES = 5

/** Answers that say nothing against the cache as a whole. */
const REFUSALS: ReadonlySet<StorageErrorCode> = new Set([
  'too-large',
  'no-space',
  'corrupt',
  'invalid-argument',
  'unsupported',
])

/** How patient a {@link CacheGuard} is. */
export interface CacheGuardOptions {
  /** How long the cache may give no sign of life, in milliseconds. */
  readonly timeoutMs: number
  /** How long a cache that does not work is left alone, in milliseconds. */
  readonly retryAfterMs: number
}

/** What a question to the cache is about. */
export interface QuestionOptions<Result> extends OperationOptions {
  readonly digest?: Digest | undefined
  /** Deals with an answer that came after it was given up. */
  readonly discard?: ((late: Result) => void) | undefined
}

/**
 * Stands between a composite and its cache, so that nothing the cache does can fail or stall a call.
 *
 * A question that gets no answer in time is given up, together with all others that wait, and the cache is left alone for
 * a while; then a single question finds out whether it works again.
 */
export class CacheGuard {
  readonly #storageType: string
  readonly #watch: CacheWatch
  readonly #breaker: CircuitBreaker

  constructor(storageType: string, { timeoutMs, retryAfterMs }: CacheGuardOptions) {
    this.#storageType = storageType
    this.#watch = new CacheWatch(timeoutMs)
    this.#breaker = new CircuitBreaker({
      maxFailures: MAX_FAILURES,
      retryAfterMs,
      onChange: (state, error) =>
        this.report(state === 'open' ? 'cache-disabled' : 'cache-enabled', 'circuitBreaker', error),
    })
  }

  /**
   * Asks for something. Resolves to undefined when the cache failed, did not answer in time or was not asked at all.
   * Rejects only with the reason of the asker's own signal.
   */
  async ask<Result>(
    operation: string,
    call: (attempt: CacheAttempt) => Promise<Result>,
    options: QuestionOptions<Result> = {},
  ): Promise<Result | undefined> {
    if (!this.#breaker.admits()) return undefined
    try {
      return await this.#attempt(operation, call, options)
    } catch {
      options.signal?.throwIfAborted()
      return undefined
    }
  }

  /**
   * Asks for something that only the cache can answer, such as the rest of what it began to deliver.
   *
   * @throws StorageError `unavailable` when it does not answer in time, and whatever it fails with.
   */
  insist<Result>(operation: string, call: () => Promise<Result>, options: QuestionOptions<Result>): Promise<Result> {
    return this.#attempt(operation, call, options)
  }

  /** Waits until something that was given up has ended; a cache that takes too long even for that is left alone. */
  async settled(call: Promise<unknown> | undefined): Promise<void> {
    const attempt = new CacheAttempt(this.#watch)
    attempt.resume()
    try {
      await Promise.race([call?.catch(() => undefined), attempt.gaveUp])
    } catch (error) {
      this.#breaker.trip(error)
    } finally {
      attempt.pause()
    }
  }

  report(kind: StorageEvent['kind'], operation: string, error: unknown, digest?: Digest): void {
    reportEvent({ kind, storageType: this.#storageType, operation, digest, error })
  }

  async #attempt<Result>(
    operation: string,
    call: (attempt: CacheAttempt) => Promise<Result>,
    options: QuestionOptions<Result>,
  ): Promise<Result> {
    const { signal, digest, discard } = options
    const attempt = new CacheAttempt(this.#watch)
    const onAbort = (): void => attempt.giveUp(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    attempt.resume()
    if (signal?.aborted === true) onAbort()
    const answer = invoke(call, attempt)
    try {
      const result = await Promise.race([answer, attempt.gaveUp])
      this.#breaker.succeeded()
      return result
    } catch (error) {
      answer.then(discard, () => undefined)
      if (signal?.aborted === true) this.#breaker.abandoned()
      else this.#blame(operation, error, digest)
      throw error
    } finally {
      attempt.pause()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #blame(operation: string, error: unknown, digest: Digest | undefined): void {
    if (error instanceof CacheDisabledError) {
      this.#breaker.abandoned()
      return
    }
    // Refusing what is too large is how a cache chooses what it keeps.
    if (!StorageError.is(error, 'too-large')) this.report('cache-failure', operation, error, digest)
    if (StorageError.is(error) && REFUSALS.has(error.code)) {
      this.#breaker.succeeded()
      return
    }
    if (error instanceof CacheTimeoutError) this.#breaker.trip(error)
    else this.#breaker.failed(error)
  }
}

/** Calls in such a way that a call which throws rejects. */
async function invoke<Result>(
  call: (attempt: CacheAttempt) => Promise<Result>,
  attempt: CacheAttempt,
): Promise<Result> {
  return call(attempt)
}
