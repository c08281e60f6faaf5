import { setImmediate } from 'node:timers/promises'

/** How many messages are handled before everything else gets its turn. */
const MESSAGES_PER_TURN = 256

/**
 * Lets the event loop go round now and then however many messages wait. Handling one that is already here takes no turn
 * of the loop, so clients that send millions of tiny ones would keep out all others for as long.
 */
export class MessageTurns {
  #count = 0
  #next: Promise<void> | undefined

  /** Counts a message that is about to be handled. Unless undefined, it must be asked for again after the promise. */
  take(): Promise<void> | undefined {
    if (this.#next !== undefined) return this.#next
    this.#count += 1
    if (this.#count <= MESSAGES_PER_TURN) return undefined
    this.#next = this.#takeTurn()
    return this.#next
  }

  async #takeTurn(): Promise<void> {
    await setImmediate()
    this.#count = 0
    this.#next = undefined
  }
}
