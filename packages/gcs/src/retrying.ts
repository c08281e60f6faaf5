import { backoffMs } from '@caskade/core'
import type { GcsSettings } from './gcs-options.ts'
import { TransientFailure } from './http/transient-failure.ts'

/** The longest single wait, in milliseconds, whatever the service asks for. */
const MAX_WAIT_MS = 30_000

/** What decides about repetitions. */
export type RetrySettings = Pick<GcsSettings, 'maxRetries' | 'maxRetryMs' | 'retryBaseMs' | 'random' | 'wait'>

/** Counts the failures of one operation, and waits between its attempts: longer each time, by chance up to twice as long. */
export class RetryState {
  readonly #settings: RetrySettings
  readonly #startedAt = performance.now()
  #failures = 0
  #waitedMs = 0

  constructor(settings: RetrySettings) {
    this.#settings = settings
  }

  /** How often it failed since it last got anywhere. */
  get failures(): number {
    return this.#failures
  }

  /** Begins to count anew: something was got done. */
  reset(): void {
    this.#failures = 0
  }

  /**
   * Waits before the next attempt.
   *
   * @throws what the caller is to be told, when there is none or the failure is not one that passes; the signal's reason.
   */
  async failed(failure: unknown, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (!(failure instanceof TransientFailure)) throw failure
    this.#failures += 1
    const { maxRetries, maxRetryMs, retryBaseMs, random, wait } = this.#settings
    const jitterMs = backoffMs(this.#failures, { baseMs: retryBaseMs, maxMs: MAX_WAIT_MS, random })
    const delayMs = Math.max(jitterMs, Math.min(failure.retryAfterMs, MAX_WAIT_MS))
    const elapsedMs = Math.max(this.#waitedMs, performance.now() - this.#startedAt)
    if (this.#failures > maxRetries || elapsedMs + delayMs > maxRetryMs) throw failure.error
    this.#waitedMs += delayMs
    await wait(delayMs, signal)
  }
}

/** Repeats what fails in a way that may pass. Only for what may safely happen twice. `attempt` is told how often it failed before. */
export async function retrying<Result>(
  settings: RetrySettings,
  signal: AbortSignal | undefined,
  attempt: (failures: number) => Promise<Result>,
): Promise<Result> {
  const state = new RetryState(settings)
  for (;;) {
    try {
      return await attempt(state.failures)
    } catch (error) {
      await state.failed(error, signal)
    }
  }
}
