import type { Digest } from '../digest.ts'
import { digestKey } from '../digest.ts'
import type { FileStat } from './file-stat.ts'

/** For how long a file that was found whole is taken for whole as long as nobody has written to it, in milliseconds. */
const TRUSTED_MS = 60_000

/**
 * A file that was written to so short a time ago is not remembered, in milliseconds: a further write might leave it with the same
 * time, by a clock that ticks every few milliseconds.
 */
const UNSETTLED_MS = 1000

/** How many files are remembered: some 2 MiB. */
const MAX_REMEMBERED = 10_000

/** The clocks by which {@link VerifiedFiles} forget; tests have their own. */
export interface VerifiedFilesOptions {
  /** The present time in milliseconds since 1970, as file systems have it. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
  /** A time in milliseconds that never goes back. Default: `performance.now`. */
  readonly elapsedMs?: (() => number) | undefined
}

interface VerifiedFile {
  readonly inode: number
  readonly sizeBytes: number
  readonly modifiedUs: number
  readonly verifiedAt: number
}

/**
 * Remembers for a minute which files had the content that they should have, so that what many ask for at once is hashed once.
 *
 * A file that was written to since then has another time, and is hashed again.
 */
export class VerifiedFiles {
  readonly #now: () => number
  readonly #elapsedMs: () => number
  readonly #files = new Map<string, VerifiedFile>()

  constructor({ now = Date.now, elapsedMs = () => performance.now() }: VerifiedFilesOptions = {}) {
    this.#now = now
    this.#elapsedMs = elapsedMs
  }

  /** Tells whether a file was found whole a short time ago, and not written to between then and when `stat` was made. */
  has(digest: Digest, stat: FileStat): boolean {
    const known = this.#files.get(digestKey(digest))
    if (known === undefined || this.#elapsedMs() - known.verifiedAt >= TRUSTED_MS) return false
    return isSameContent(known, stat)
  }

  /** Notes that the content of a file was hashed and is that of a blob. `stat` is what it was like before it was read, or after. */
  add(digest: Digest, { inode, sizeBytes, modifiedUs }: FileStat): void {
    const key = digestKey(digest)
    this.#files.delete(key)
    if (Math.abs(this.#now() - modifiedUs / 1000) < UNSETTLED_MS) return
    this.#files.set(key, { inode, sizeBytes, modifiedUs, verifiedAt: this.#elapsedMs() })
    const [oldest] = this.#files.keys()
    if (this.#files.size > MAX_REMEMBERED && oldest !== undefined) this.#files.delete(oldest)
  }
}

/** Tells whether nobody has written to a file between two looks. */
export function isSameContent(
  one: Pick<FileStat, 'inode' | 'sizeBytes' | 'modifiedUs'>,
  other: Pick<FileStat, 'inode' | 'sizeBytes' | 'modifiedUs'>,
): boolean {
  return one.inode === other.inode && one.sizeBytes === other.sizeBytes && one.modifiedUs === other.modifiedUs
}
