import type { Digest } from '../digest.ts'
import { digestKey } from '../digest.ts'
import { KeyCounts } from '../key-counts.ts'

/** How many blobs are remembered that could not be deleted from the cache. */
const MAX_STALE = 100_000

/** One attempt to bring a blob into the cache. Whoever begins it ends it. */
export class Fill {
  readonly #onEnd: () => void
  // Made when they are asked for: most fills end without anybody having wanted to know.
  #controller: AbortController | undefined
  #whenEnded: PromiseWithResolvers<void> | undefined
  #reason: Error | undefined
  #isWriting = false
  #hasEnded = false

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  /** Aborted when nobody wants the blob in the cache any more: it was deleted, or its content turned out not to be had. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** Whether `signal` is aborted. */
  get isCancelled(): boolean {
    return this.#reason !== undefined
  }

  /** Whether something may be on its way into the cache. */
  get isWriting(): boolean {
    return this.#isWriting && !this.#hasEnded
  }

  /** To be called before anything is given to the cache; false when nothing may be, because it is cancelled. */
  beginWriting(): boolean {
    this.#isWriting = !this.isCancelled
    return this.#isWriting
  }

  /** Resolves once it has ended. */
  get ended(): Promise<void> {
    if (this.#hasEnded) return Promise.resolve()
    this.#whenEnded ??= Promise.withResolvers()
    return this.#whenEnded.promise
  }

  cancel(): void {
    this.#reason ??= new Error('the blob is not wanted in the cache any more')
    this.#controller?.abort(this.#reason)
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#onEnd()
    this.#whenEnded?.resolve()
  }
}

/** The deletion of some blobs, during which none of them may enter the cache. */
export interface Exclusion extends Disposable {
  /** Cancels every fill under way, those that began since included, and waits for those that have reached the cache. */
  settled(): Promise<void>
}

/** Knows which blobs are on their way into the cache, so that a deletion can keep them from being there after it. */
export class FillRegistry {
  readonly #fills = new Map<string, Set<Fill>>()
  readonly #excluded = new KeyCounts()
  // Oldest first.
  readonly #stale = new Set<string>()

  /** Begins a fill, to be ended in any case; it may be cancelled from the start. */
  begin(digest: Digest): Fill {
    const key = digestKey(digest)
    const fills = this.#fills.get(key) ?? new Set()
    this.#fills.set(key, fills)
    const fill = new Fill(() => {
      fills.delete(fill)
      if (fills.size === 0 && this.#fills.get(key) === fills) this.#fills.delete(key)
    })
    fills.add(fill)
    if (this.#excluded.has(key)) fill.cancel()
    return fill
  }

  /** Whether what the cache has of a blob may not be used: it is being deleted, or could not be. */
  isBarred(digest: Digest): boolean {
    const key = digestKey(digest)
    return this.#excluded.has(key) || this.#stale.has(key)
  }

  /** Remembers that the cache may still have blobs that were deleted. */
  markStale(digests: readonly Digest[]): void {
    for (const digest of digests) this.#stale.add(digestKey(digest))
    for (const key of this.#stale) {
      if (this.#stale.size <= MAX_STALE) return
      this.#stale.delete(key)
    }
  }

  /** The cache has a blob that is stored where it counts. */
  markFresh(digest: Digest): void {
    this.#stale.delete(digestKey(digest))
  }

  /** Keeps blobs out of the cache until the exclusion is disposed. */
  exclude(digests: readonly Digest[]): Exclusion {
    const keys = [...new Set(digests.map(digestKey))]
    this.#excluded.add(keys)
    return {
      settled: async () => {
        const fills = keys.flatMap((key) => [...(this.#fills.get(key) ?? [])])
        for (const fill of fills) fill.cancel()
        await Promise.all(fills.filter(({ isWriting }) => isWriting).map(({ ended }) => ended))
      },
      [Symbol.dispose]: () => this.#excluded.remove(keys),
    }
  }
}
