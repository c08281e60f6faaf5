/** Runs operations on the same key one after the other. */
export class KeyedLock {
  readonly #last = new Map<string, Promise<unknown>>()

  async run<Result>(key: string, operation: () => Promise<Result>): Promise<Result> {
    const earlier = this.#last.get(key)
    const running = (async () => {
      await earlier?.catch(() => undefined)
      return operation()
    })()
    this.#last.set(key, running)
    try {
      return await running
    } finally {
      if (this.#last.get(key) === running) this.#last.delete(key)
    }
  }
}
