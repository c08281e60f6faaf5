import { ConnectionError, ErrorCode } from './protocol.ts'

/** So many requests may be begun and reset at once, and so many again each second: deadlines that pass are among them. */
const RESETS = { burst: 2000, perSecond: 200 }

/** So many frames may ask for nothing at once, and so many again each second. */
const IDLE_FRAMES = { burst: 10_000, perSecond: 1000 }

/** So many of these are forgiven for each frame that has a purpose. */
const FORGIVEN_FRAMES = 10

/** Ends connections whose clients keep us busy with what costs them nothing. */
export class AbuseGuard {
  readonly #resets: Allowance
  readonly #idleFrames: Allowance

  /** `now`: the time in milliseconds, by a clock that nobody sets. */
  constructor(now: () => number = () => performance.now()) {
    this.#resets = new Allowance(RESETS, now)
    this.#idleFrames = new Allowance(IDLE_FRAMES, now)
  }

  /** Notes that something was asked for or sent that is a purpose of the connection. */
  noteProgress(): void {
    this.#idleFrames.giveBack(FORGIVEN_FRAMES)
  }

  /** Notes a frame that asks for nothing. Throws when there are too many. */
  noteIdleFrame(): void {
    if (!this.#idleFrames.spend()) throw tooMany('frames that ask for nothing')
  }

  /** Notes a request that came to nothing because of the client ("rapid reset", CVE-2023-44487). Throws when there are too many. */
  noteReset(): void {
    if (!this.#resets.spend()) throw tooMany('requests that are reset')
  }
}

/** So many of something at once, and so many again each second. */
class Allowance {
  readonly #burst: number
  readonly #perSecond: number
  readonly #now: () => number
  #left: number
  #countedAtMs: number

  constructor({ burst, perSecond }: typeof RESETS, now: () => number) {
    this.#burst = burst
    this.#perSecond = perSecond
    this.#now = now
    this.#left = burst
    this.#countedAtMs = now()
  }

  giveBack(count: number): void {
    this.#left = Math.min(this.#burst, this.#left + count)
  }

  /** Takes one; returns false when there is none. */
  spend(): boolean {
    const now = this.#now()
    this.giveBack(((now - this.#countedAtMs) / 1000) * this.#perSecond)
    this.#countedAtMs = now
    this.#left -= 1
    return this.#left >= 0
  }
}

function tooMany(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `too many ${what}`)
}
