/** What must be undone, in reverse order, when a start fails half-way or what was started is stopped. */
export class CleanupStack {
  #steps: (() => unknown)[] = []

  /** Adds a step, to be run before those that were added earlier. */
  defer(step: () => unknown): void {
    this.#steps.push(step)
  }

  /** Runs every step once, each even when another fails; rejects with the first failure. */
  async unwind(): Promise<void> {
    const steps = this.#steps.toReversed()
    this.#steps = []
    const failures: unknown[] = []
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
