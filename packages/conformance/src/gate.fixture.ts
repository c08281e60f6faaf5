/** A place where something waits until it is let on. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()

  /** Resolves once somebody waits at it. */
  readonly reached: Promise<void> = this.#reached.promise

  readonly wait = async (): Promise<void> => {
    this.#reached.resolve()
    await this.#opened.promise
  }

  /** Lets on who waits and who comes later. */
  open(): void {
    this.#opened.resolve()
  }
}
