/** Somebody who waits for the next flush: for an item of his own, or only for what came before. */
export interface Waiting<Item, Result> {
  readonly item: Item | undefined
  readonly resolve: (result: Result | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Has one flush at a time serve all who wait. */
export class FlushQueue<Item, Result> {
  readonly #flush: (waiting: readonly Waiting<Item, Result>[]) => Promise<void>
  #waiting: Waiting<Item, Result>[] = []
  #isFlushing = false
  #flushing: Promise<void> | undefined

  /** `flush` must settle each that it is given, and must not reject. */
  constructor(flush: (waiting: readonly Waiting<Item, Result>[]) => Promise<void>) {
    this.#flush = flush
  }

  /** Waits for a flush that begins now or later; resolves to what it makes of the item. */
  request(item?: Item): Promise<Result | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Result | undefined>()
    this.#waiting.push({ item, resolve, reject })
    if (!this.#isFlushing) {
      this.#isFlushing = true
      this.#flushing = this.#run()
    }
    return promise
  }

  /** Waits for the flush under way, if there is one. */
  async idle(): Promise<void> {
    await this.#flushing
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const waiting = this.#waiting
        this.#waiting = []
        await this.#flush(waiting)
      }
    } finally {
      // At once after the queue was seen empty: whoever comes now begins anew.
      this.#isFlushing = false
    }
  }
}
