/** How a {@link CircuitBreaker} behaves. */
export interface CircuitBreakerOptions {
  /** How many failures in a row open it. */
  readonly maxFailures: number
  /** For how long it stays open before one call may probe, in milliseconds. */
  readonly retryAfterMs: number
  /** Hears of every change between letting calls pass and not. */
  readonly onChange: (state: 'open' | 'closed', error?: unknown) => void
}

/**
 * Keeps calls from something that does not work.
 *
 * Closed, it lets every call pass. After several failures in a row, or at once when told to trip, it is open and lets
 * none pass; after a while it lets a single one probe, whose outcome closes it or opens it again.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  #failures = 0
  #isOpen = false
  #isProbing = false
  #retryAt = 0

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
  }

  /** Tells whether a call may pass. Each that does must end in `succeeded`, `failed`, `trip` or `abandoned`. */
  admits(): boolean {
    if (!this.#isOpen) return true
    if (this.#isProbing || performance.now() < this.#retryAt) return false
    this.#isProbing = true
    return true
  }

  /** A call got an answer. */
  succeeded(): void {
    this.#failures = 0
    if (!this.#isOpen || !this.#isProbing) return
    this.#isOpen = false
    this.#isProbing = false
    this.#options.onChange('closed')
  }

  /** A call failed. */
  failed(error: unknown): void {
    this.#failures += 1
    if (this.#isOpen || this.#failures >= this.#options.maxFailures) this.trip(error)
  }

  /** A call failed in a way that one should not have to see twice. */
  trip(error: unknown): void {
    const wasOpen = this.#isOpen
    this.#isOpen = true
    this.#isProbing = false
    this.#retryAt = performance.now() + this.#options.retryAfterMs
    if (!wasOpen) this.#options.onChange('open', error)
  }

  /** A call ended without saying anything about whether it would have worked. */
  abandoned(): void {
    this.#isProbing = false
  }
}
