/**
 * Time for ordering uses: microseconds since 1970, strictly growing even within one microsecond and when the system's
 * clock jumps back.
 */
export class AccessClock {
  readonly #now: () => number
  #last = 0

  constructor(now: () => number) {
    this.#now = now
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#now() * 1000))
    return this.#last
  }

  /** The time by the clock of the system, in microseconds since 1970. */
  presentUs(): number {
    return this.#now() * 1000
  }
}
