/**
 * Time for ordering uses: microseconds since 1970, strictly growing even within one microsecond and when the system's
 * clock jumps back.
 */
export class AccessClock {
  readonly #now: () => number
  #last: number

  /** `now` is the time in milliseconds since 1970, `after` the latest that was ever handed out, as far as it is known. */
  constructor(now: () => number, after = 0) {
    this.#now = now
    this.#last = after
  }

  /** The present time, in microseconds since 1970, as the system has it. */
  nowUs(): number {
    return this.#now() * 1000
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#now() * 1000))
    return this.#last
  }
}
