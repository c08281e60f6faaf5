/** Bounds what many holders keep in memory together, each of which can do without. */
export class MemoryBudget {
  readonly #maxBytes: number
  #heldBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Changes what one holder has from `heldBytes` to `neededBytes`. Returns false, with nothing changed, when it needs more
   * than is left; needing less is always granted.
   */
  exchange(heldBytes: number, neededBytes: number): boolean {
    const total = this.#heldBytes - heldBytes + neededBytes
    if (neededBytes > heldBytes && total > this.#maxBytes) return false
    this.#heldBytes = total
    return true
  }
}
