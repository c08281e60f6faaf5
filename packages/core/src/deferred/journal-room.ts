import { readDiskSpace } from '../files/disk-space.ts'

/** How much of the disk a journal leaves free: what is settled has to be noted, on a full disk too. */
const RESERVE = { bytes: 256 * 1024 * 1024, share: 1 / 2 }

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
      this.#freeBytes = (await readDiskSpace(this.#path, RESERVE)).freeBytes
    } catch {
      // What cannot be told is found out by writing.
      this.#freeBytes = Number.MAX_SAFE_INTEGER
    }
  }
}
