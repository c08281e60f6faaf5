/** What a call waits for that is up to its client: messages, and room for more of them; possibly for both at the same time. */
export class ClientWaits {
  #sinceMs: number | undefined
  #endForMessages: (() => void) | undefined
  #endForRoom: (() => void) | undefined

  /** Since when there is something to wait for, by `performance.now()`; undefined when there is nothing. */
  get sinceMs(): number | undefined {
    return this.#sinceMs
  }

  /** Resolves with {@link endForMessages}. */
  forMessages(): Promise<void> {
    this.#sinceMs ??= performance.now()
    return new Promise((resolve) => {
      this.#endForMessages = resolve
    })
  }

  endForMessages(): void {
    const end = this.#endForMessages
    if (end === undefined) return
    this.#endForMessages = undefined
    if (this.#endForRoom === undefined) this.#sinceMs = undefined
    end()
  }

  /** Resolves with {@link endForRoom}. */
  forRoom(): Promise<void> {
    this.#sinceMs ??= performance.now()
    return new Promise((resolve) => {
      this.#endForRoom = resolve
    })
  }

  endForRoom(): void {
    const end = this.#endForRoom
    if (end === undefined) return
    this.#endForRoom = undefined
    if (this.#endForMessages === undefined) this.#sinceMs = undefined
    end()
  }
}
