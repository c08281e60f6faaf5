/** How much the other side may send before what it has sent was taken (RFC 9113, section 5.2). */
export class ReceiveWindow {
  readonly #sizeBytes: number
  #leftBytes: number
  /** Taken, and not yet said to be. */
  #takenBytes = 0

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
    this.#leftBytes = sizeBytes
  }

  /** Notes what arrives; returns false when it is more than may be sent. */
  receive(bytes: number): boolean {
    this.#leftBytes -= bytes
    return this.#leftBytes >= 0
  }

  /**
   * Notes what was taken; returns by how much the other side is to be told that its window grows: 0 while there is much left of
   * it. What others have not taken, who share it, must not keep from it what was.
   */
  take(bytes: number): number {
    this.#takenBytes += bytes
    if (this.#takenBytes === 0) return 0
    if (this.#takenBytes < this.#sizeBytes / 2 && this.#leftBytes > this.#takenBytes) return 0
    const incrementBytes = this.#takenBytes
    this.#leftBytes += incrementBytes
    this.#takenBytes = 0
    return incrementBytes
  }
}
