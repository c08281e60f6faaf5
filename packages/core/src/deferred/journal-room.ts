import { statfs } from 'node:fs/promises'

/** How much of the disk a journal leaves free, in bytes: what is settled has to be noted, on a full disk too. */
const RESERVE_BYTES = 256 * 1024 * 1024

/** How much of a small disk that may be. */
const RESERVE_SHARE = 1 / 2

/** How long what the system said about the disk is believed, in milliseconds; others may be filling it too. */
const BELIEVED_MS = 1000

/** Keeps a journal from filling the disk that it is on, which may be that of the fallback as well. */
export class JournalRoom {
  readonly #path: string
  #freeBytes = 0
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(path: string) {
    this.#path = path
  }

  /** Tells whether a write may be journalled while others wait: all of them must still find room in a fallback on this disk. */
  async fits(sizeBytes: number, pendingBytes: number): Promise<boolean> {
    if (this.#freeBytes < sizeBytes + pendingBytes || performance.now() - this.#askedAt > BELIEVED_MS) {
      await this.#ask()
    }
    if (this.#freeBytes < sizeBytes + pendingBytes) return false
    this.#freeBytes -= sizeBytes
    return true
  }

  async #ask(): Promise<void> {
    this.#askedAt = performance.now()
    try {
      const { bavail, blocks, bsize } = await statfs(this.#path)
      const reserveBytes = Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_SHARE)
      this.#freeBytes = blocks === 0 ? Number.MAX_SAFE_INTEGER : bavail * bsize - reserveBytes
    } catch {
      // What cannot be told is found out by writing.
      this.#freeBytes = Number.MAX_SAFE_INTEGER
    }
  }
}
