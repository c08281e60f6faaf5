/** What ends when its time is over. */
export interface Expiring {
  expire(): void
}

/** Deadlines that are close together are looked at together, and so may pass up to so many milliseconds late. */
const TOGETHER_MS = 25

/** Timers take no more than this. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** By so much the clock of timers may be ahead of that of `performance.now()`. */
const TIMER_TOLERANCE_MS = 1

/**
 * The deadlines of all calls, with one timer. Nearly every call ends long before its deadline, so setting one has to cost
 * little: a timer for each costs as much as reading the headers of a call.
 */
export class Deadlines {
  /** What expires when, by `performance.now()`. */
  readonly #expiries = new Map<Expiring, number>()
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  /** Has something expire after so many milliseconds, unless it is deleted before. */
  add(expiring: Expiring, timeoutMs: number): void {
    const now = performance.now()
    const at = now + timeoutMs
    this.#expiries.set(expiring, at)
    if (at < this.#timerAtMs) this.#setTimer(at, now)
  }

  delete(expiring: Expiring): void {
    this.#expiries.delete(expiring)
  }

  #setTimer(atMs: number, nowMs: number): void {
    clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    // What waits is a call, and it is its connection that keeps the process alive.
    this.#timer = setTimeout(() => this.#expireDue(), Math.min(Math.ceil(atMs - nowMs), MAX_TIMER_MS)).unref()
  }

  #expireDue(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const [expiring, at] of this.#expiries) {
      if (at > now + TIMER_TOLERANCE_MS) {
        next = Math.min(next, at)
        continue
      }
      this.#expiries.delete(expiring)
      expiring.expire()
    }
    if (next < this.#timerAtMs) this.#setTimer(Math.max(next, now + TOGETHER_MS), now)
  }
}
