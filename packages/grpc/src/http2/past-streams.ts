/** Of so many streams it is known how they ended. */
const REMEMBERED_STREAMS = 256

/** The streams that were over last: what was under way when one was reset is not the client's fault. */
export class PastStreams {
  /** Whether each was reset by us, by its id. */
  readonly #wasReset = new Map<number, boolean>()

  add(streamId: number, wasReset: boolean): void {
    this.#wasReset.set(streamId, wasReset)
    if (this.#wasReset.size <= REMEMBERED_STREAMS) return
    const [oldest] = this.#wasReset.keys()
    this.#wasReset.delete(oldest as number)
  }

  /** Whether a stream was reset by us; undefined when it is not known, or was never there. */
  wasReset(streamId: number): boolean | undefined {
    return this.#wasReset.get(streamId)
  }
}
