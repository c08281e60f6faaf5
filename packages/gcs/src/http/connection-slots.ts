interface Waiter {
  readonly grant: () => void
}

/** Bounds how many requests are under way at once. Those beyond wait in order, and can be given up. */
export class ConnectionSlots {
  readonly #limit: number
  readonly #waiting = new Set<Waiter>()
  #used = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Waits for a slot. The returned function gives it back; calling it again does nothing.
   *
   * Rejects with the signal's reason.
   */
  async acquire(signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#used < this.#limit) this.#used += 1
    else await this.#waitForTurn(signal)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#release()
    }
  }

  async #waitForTurn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { grant: resolve }
    this.#waiting.add(waiter)
    const onAbort = (): void => {
      // One that was granted already keeps its slot; whoever asked gives it back.
      if (this.#waiting.delete(waiter)) reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#used -= 1
      return
    }
    this.#waiting.delete(next)
    next.grant()
  }
}
