import type { BlobReader } from '../blob-reader.ts'
import { readerFromChunks } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { Digest } from '../digest.ts'
import { abortable } from '../abortable.ts'
import type { OperationOptions } from '../operation-options.ts'
import { StorageError } from '../storage-error.ts'
import { verifiedReader } from '../verified-reader.ts'
import type { SharedSpoolOptions, SpoolReader } from './shared-spool.ts'
import { SharedSpool } from './shared-spool.ts'

/** How a {@link SharedFetch} works. */
export interface SharedFetchOptions extends SharedSpoolOptions {
  readonly digest: Digest
  /** Opens the blob where it comes from. The signal is aborted when nobody wants it any more. */
  readonly open: (signal: AbortSignal) => Promise<BlobReader | null>
  /** Opens the blob once more, for a reader that has not had a byte of a fetch that failed. */
  readonly reopen: (options: OperationOptions) => Promise<BlobReader | null>
  /** Hears that the content turned out to be wrong. */
  readonly onCorrupt: (error: StorageError) => void
}

/**
 * One reading of a blob that any number of readers share, each at its own pace.
 *
 * What is read is verified: the last chunk reaches nobody before the hash is known to match. A reader that leaves does
 * not end it for the others; the last one does.
 */
export class SharedFetch {
  readonly #options: SharedFetchOptions
  readonly #spool: SharedSpool
  readonly #whenUnwanted = new AbortController()
  readonly #found: Promise<boolean>
  readonly #ended: Promise<void>
  #guests = 0
  #keepers = 0
  #isFound = false
  #isFetched = false
  #isClosed = false

  constructor(options: SharedFetchOptions) {
    this.#options = options
    this.#spool = new SharedSpool(options)
    const opening = this.#open()
    this.#found = opening.then((reader) => {
      this.#isFound = reader !== null
      return this.#isFound
    })
    this.#found.catch(() => undefined)
    this.#ended = opening.then((reader) => this.#fetch(reader)).catch(() => undefined)
  }

  /** Whether somebody who comes now can still have the whole blob. */
  get canJoin(): boolean {
    return !this.#isClosed && !this.#whenUnwanted.signal.aborted && this.#spool.hasStart
  }

  /** Whether it is known that there is such a blob. */
  get isFound(): boolean {
    return this.#isFound
  }

  /** Resolves once it is known whether there is such a blob. */
  get found(): Promise<boolean> {
    return this.#found
  }

  /** Resolves once the blob has been read to its end, or has not. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Opens the blob for one reader; resolves to null when there is none. */
  async join({ signal }: OperationOptions): Promise<BlobReader | null> {
    this.#guests += 1
    const place = this.#spool.addReader(true)
    try {
      if (await abortable(this.#found, signal)) return this.#readerAt(place, signal)
    } catch (error) {
      this.#leave(place)
      throw error
    }
    this.#leave(place)
    return null
  }

  /** Keeps what was fetched, even when nobody reads it any more, until the returned function is called. */
  keep(): () => void {
    this.#keepers += 1
    return () => {
      this.#keepers -= 1
      this.#closeIfUnused()
    }
  }

  /** The blob as a source, for one that keeps it. Reading it does not count as wanting it. */
  source(): BlobSource {
    const { sizeBytes } = this.#options.digest
    return {
      sizeBytes,
      open: ({ signal } = {}) => {
        const place = this.#spool.addReader(false)
        const release = (): void => this.#spool.removeReader(place)
        return readerFromChunks(sizeBytes, this.#chunks(place), { signal, release })
      },
    }
  }

  async #open(): Promise<BlobReader | null> {
    return this.#options.open(this.#whenUnwanted.signal)
  }

  async #fetch(fetched: BlobReader | null): Promise<void> {
    if (fetched === null) return
    const reader = verifiedReader(fetched, this.#options.digest, this.#options.onCorrupt)
    try {
      for await (const chunk of reader) {
        this.#whenUnwanted.signal.throwIfAborted()
        await this.#spool.append(chunk)
      }
      this.#isFetched = true
      this.#spool.complete()
    } catch (error) {
      this.#spool.fail(error)
    } finally {
      await reader[Symbol.asyncDispose]()
    }
  }

  #leave(place: SpoolReader): void {
    this.#spool.removeReader(place)
    this.#guests -= 1
    if (this.#guests > 0) return
    if (!this.#isFetched) {
      const error = new StorageError('unavailable', 'WithCache: the blob is no longer wanted')
      this.#spool.fail(error)
      this.#whenUnwanted.abort(error)
    }
    this.#closeIfUnused()
  }

  #closeIfUnused(): void {
    if (this.#guests > 0 || this.#keepers > 0 || this.#isClosed) return
    this.#isClosed = true
    void this.#ended.then(() => this.#spool.close()).catch(() => undefined)
  }

  #readerAt(place: SpoolReader, signal: AbortSignal | undefined): BlobReader {
    const { digest, reopen } = this.#options
    const chunks = async function* (this: SharedFetch): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield* this.#chunks(place)
      } catch (error) {
        // Whoever has had something cannot be given the rest of it from elsewhere.
        const again = place.position === 0 && !StorageError.is(error, 'corrupt') ? await reopen({ signal }) : null
        if (again === null) throw error
        yield* again
      }
    }
    return readerFromChunks(digest.sizeBytes, chunks.call(this), { signal, release: () => this.#leave(place) })
  }

  async *#chunks(place: SpoolReader): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.#spool.read(place); chunk !== null; chunk = await this.#spool.read(place)) yield chunk
  }
}
