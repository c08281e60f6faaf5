/**
 * Time for ordering uses: microseconds since 1970, strictly growing even within one microsecond and when the system's
 * clock jumps back.
 */
export class AccessClock {
  readonly #now: () => number
  #last: number

  /** `after` is the latest time that was ever handed out, from the database. */
  constructor(now: () => number, after: number) {
    this.#now = now
    this.#last = after
  }

  /** The present time, in microseconds since 1970, as the system has it. */
  nowUs(): number {
    return this.#now() * 1000
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, this.#now() * 1000)
    return this.#last
  }
}
