/** Messages up to this size are not counted: there are at most as many of them as calls. */
export const UNCOUNTED_BYTES: number = 64 * 1024

/** Bounds what the large messages that are being received or handled come to, in all calls together. */
export class ReceiveBudget {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Replaces what was counted for one message, in bytes. Returns false, with nothing changed, when it is too much. */
  replace(countedBytes: number, newBytes: number): boolean {
    const total = this.#bytes - counted(countedBytes) + counted(newBytes)
    if (total > this.#bytes && total > this.#maxBytes) return false
    this.#bytes = total
    return true
  }

  /** Counts a message of so many bytes no more. */
  giveBack(countedBytes: number): void {
    this.replace(countedBytes, 0)
  }
}

function counted(bytes: number): number {
  return bytes > UNCOUNTED_BYTES ? bytes : 0
}
