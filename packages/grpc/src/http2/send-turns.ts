/** What sends in turns. */
interface Sender {
  /** Whether it has content to send, for which the client must have room. */
  readonly isSending: boolean
  /** Sends what it may in one turn; returns whether it could send more in another. */
  sendTurn(): boolean
}

/** Has those that have something to send do so one after the other, so that none waits for all of another. */
export class SendTurns {
  /** In the order of their turns. */
  readonly #ready = new Set<Sender>()
  #isRunning = false

  add(sender: Sender): void {
    this.#ready.add(sender)
  }

  delete(sender: Sender): void {
    this.#ready.delete(sender)
  }

  /** Gives turns for as long as there is room: on the socket, asked before each turn, and for content. */
  run({ isFull, hasWindow }: { readonly isFull: () => boolean; readonly hasWindow: () => boolean }): void {
    // One that sends may be told to go on, and be added again.
    if (this.#isRunning) return
    this.#isRunning = true
    for (const sender of this.#ready) {
      if (isFull()) break
      if (sender.isSending && !hasWindow()) continue
      // To the end of the set, where this loop comes to it again.
      this.#ready.delete(sender)
      if (sender.sendTurn()) this.#ready.add(sender)
    }
    this.#isRunning = false
  }
}
