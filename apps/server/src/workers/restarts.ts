const FIRST_WAIT_MS = 100

const LONGEST_WAIT_MS = 10_000

/** One that has run for so long, in milliseconds, has not failed to start. */
const STEADY_AFTER_MS = 10_000

/** Tells how long to wait before a worker is replaced: not at all at first, and ever longer while it keeps ending early. */
export class Restarts {
  #early = 0

  /** `ranMs`: how long the one that has ended had run. */
  nextWaitMs(ranMs: number): number {
    this.#early = ranMs < STEADY_AFTER_MS ? this.#early + 1 : 0
    if (this.#early <= 1) return 0
    return Math.min(FIRST_WAIT_MS * 2 ** (this.#early - 2), LONGEST_WAIT_MS)
  }
}
