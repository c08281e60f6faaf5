import { readerFromChunks } from '../blob-reader.ts'
import type { BlobReader } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { CacheAttempt } from './cache-attempt.ts'
import type { Fill } from './fill-registry.ts'

/** What a {@link publishableSource} heeds. */
export interface PublishableOptions {
  /** Its clock stands still while something else than the cache is waited for. */
  readonly attempt: CacheAttempt
  readonly fill: Fill
  /** Resolves once the blob may be visible in the cache. */
  readonly published: Promise<unknown>
}

/**
 * The source of a blob for a cache that must not have it too early: the last chunk is held back until the blob is where
 * it counts, and never delivered when it does not get there.
 */
export function publishableSource(source: BlobSource, options: PublishableOptions): BlobSource {
  return {
    sizeBytes: source.sizeBytes,
    open({ signal, buffers } = {}) {
      const reader = source.open({ signal, buffers })
      const release = (): PromiseLike<void> => reader[Symbol.asyncDispose]()
      return readerFromChunks(source.sizeBytes, publishableChunks(reader, options), { signal, release })
    },
  }
}

async function* publishableChunks(
  reader: BlobReader,
  { attempt, fill, published }: PublishableOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined
  const iterator = reader[Symbol.asyncIterator]()
  try {
    for (;;) {
      attempt.pause()
      const { done, value } = await iterator.next()
      if (done === true) break
      attempt.resume()
      if (held !== undefined) yield held
      held = value
    }
    await published
  } catch (error) {
    fill.cancel()
    throw error
  }
  fill.signal.throwIfAborted()
  attempt.resume()
  if (held !== undefined) yield held
}
