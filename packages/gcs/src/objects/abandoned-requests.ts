import { abortable } from '@caskade/core'

/**
 * Changes that their caller gave up when they were already on their way, and that may therefore still take effect. What is
 * asked next about the same object waits for them, so that they never undo what came after them.
 */
export class AbandonedRequests {
  readonly #running = new Map<string, Set<Promise<void>>>()

  /** Waits until nothing that was given up can change the object any more. */
  async settled(name: string, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const running = this.#running.get(name)
      if (running === undefined) return
      await abortable(Promise.all(running), signal)
    }
  }

  /**
   * Makes a change; `signal` ends the waiting for it, and not the change itself. `hold` is given back when the change has
   * ended.
   */
  async run<Result>(
    name: string,
    signal: AbortSignal | undefined,
    hold: () => () => void,
    change: () => Promise<Result>,
  ): Promise<Result> {
    await this.settled(name, signal)
    const changing = change()
    try {
      return await abortable(changing, signal)
    } catch (error) {
      if (signal?.aborted === true) this.#abandon(name, changing, hold())
      throw error
    }
  }

  #abandon(name: string, changing: Promise<unknown>, release: () => void): void {
    const running = this.#running.get(name) ?? new Set()
    this.#running.set(name, running)
    const ended = changing
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => {
        running.delete(ended)
        if (running.size === 0 && this.#running.get(name) === running) this.#running.delete(name)
        release()
      })
    running.add(ended)
  }
}
