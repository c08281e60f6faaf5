/**
 * Shares slow syncs among those who wait for one at the same time.
 *
 * A request is served by a sync that began after it, so whatever was written before the request is on disk when it
 * resolves; all requests that arrive while one sync runs share the next one.
 */
export class SyncGroup {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  /** Waits for a sync that begins now or later. */
  request(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#run()
    this.#next = this.#running.catch(() => undefined).then(() => this.#run())
    return this.#next
  }

  #run(): Promise<void> {
    this.#next = undefined
    const running = this.#sync().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}
