import type { StorageEvent } from '@caskade/core'
import { onStorageEvent, WithCacheStorage } from '@caskade/core'
import { afterEach, beforeEach, vi } from 'vitest'
import { readChunks } from '../assertions.ts'
import { damageBlob } from '../broken/broken-storage.ts'
import type { TestBlob } from '../index.ts'
import { FaultyStorage, ReferenceStorage, sourceOf } from '../index.ts'

/** A WithCacheStorage on a fake clock, whose tiers can be made to fail. */
export class GuardedTests {
  cache: FaultyStorage = new FaultyStorage(new ReferenceStorage())
  fallback: FaultyStorage = new FaultyStorage(new ReferenceStorage())
  storage: WithCacheStorage = new WithCacheStorage({ cache: this.cache, fallback: this.fallback })
  events: StorageEvent[] = []

  constructor() {
    let endListening: () => void
    beforeEach(async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
      this.events = []
      endListening = onStorageEvent((event) => this.events.push(event))
      this.cache = new FaultyStorage(new ReferenceStorage())
      this.fallback = new FaultyStorage(new ReferenceStorage())
      const tiers = { cache: this.cache, fallback: this.fallback }
      this.storage = new WithCacheStorage({ ...tiers, cacheTimeoutMs: 2000, cacheRetryMs: 30_000 })
      await this.storage.start()
    })
    afterEach(async () => {
      this.cache.plan = {}
      const stopping = this.storage.stop()
      await vi.advanceTimersByTimeAsync(60_000)
      await stopping
      endListening()
      vi.useRealTimers()
    })
  }

  /** What kinds of events were reported. */
  get kinds(): string[] {
    return this.events.map(({ kind }) => kind)
  }

  /** Puts a blob in both tiers. */
  async inBoth(blob: TestBlob): Promise<TestBlob> {
    await this.cache.inner.commitWrite(blob.digest, sourceOf(blob))
    await this.fallback.inner.commitWrite(blob.digest, sourceOf(blob))
    return blob
  }

  /** Damages what the fallback has of a blob. */
  damageFallback({ digest }: TestBlob): void {
    if (this.fallback.inner instanceof ReferenceStorage) damageBlob(this.fallback.inner, digest.hash, 'flip-bit')
  }

  async read({ digest }: TestBlob): Promise<Uint8Array> {
    return readChunks(await this.storage.getBlob(digest))
  }

  /** Reads while time passes. */
  async readWithin(blob: TestBlob, ms: number): Promise<Uint8Array> {
    const reading = this.read(blob)
    await vi.advanceTimersByTimeAsync(ms)
    return reading
  }

  /** Waits until nothing goes on behind the callers' backs. */
  async settled(): Promise<void> {
    await this.storage.stop()
    await this.storage.start()
  }
}

type Content = NonNullable<FaultyStorage['plan']['content']>

/** Has content arrive in chunks of 100,000 bytes before something else happens to it. */
export function chunked(content: Content | undefined): Content {
  return (chunks, call) => content?.(divide(chunks), call) ?? chunks
}

async function* divide(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += 100_000) yield chunk.subarray(at, at + 100_000)
  }
}
