// A program of its own, so that its memory is its own: 1,000 readers of one blob that the cache has not.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobReader, Digest, ReadOptions } from '@caskade/core'
import { createDigest, createHasher, readerFromChunks, WithCacheStorage } from '@caskade/core'
import { ReferenceStorage } from '@caskade/conformance'
import { SqliteStorage } from '@caskade/sqlite'

const READERS = 1000
const BLOB_BYTES = 100_000_000
const CHUNK_BYTES = 100_000

/** Delivers one large blob, of which it keeps nothing in memory. */
class LargeBlobStorage extends ReferenceStorage {
  reads = 0
  deliveredBytes = 0
  readonly #block = Buffer.alloc(CHUNK_BYTES)

  override async getBlob(digest: Digest, { signal }: ReadOptions = {}): Promise<BlobReader | null> {
    this.reads += 1
    return readerFromChunks(digest.sizeBytes, this.chunks(), { signal })
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < BLOB_BYTES; at += CHUNK_BYTES) {
      this.#block.writeUInt32LE(at)
      this.deliveredBytes = at + CHUNK_BYTES
      yield Uint8Array.from(this.#block)
    }
  }
}

const fallback = new LargeBlobStorage()
const hasher = createHasher('sha256')
for await (const chunk of fallback.chunks()) hasher.update(chunk)
const digest = createDigest(hasher.digest(), BLOB_BYTES)

const directory = mkdtempSync(join(tmpdir(), 'caskade-shared-read-'))
const cache = new SqliteStorage({ path: join(directory, 'cache') })
const storage = new WithCacheStorage({ cache, fallback, spoolDirectory: directory, maxCachedBlobBytes: BLOB_BYTES })
await storage.start()

let deliveredAtFirstByte = Number.POSITIVE_INFINITY
let rightReaders = 0
await Promise.all(
  Array.from({ length: READERS }, async () => {
    const reader = await storage.getBlob(digest)
    let received = 0
    for await (const chunk of reader ?? []) {
      deliveredAtFirstByte = Math.min(deliveredAtFirstByte, fallback.deliveredBytes)
      received += chunk.byteLength
    }
    if (received === BLOB_BYTES) rightReaders += 1
  }),
)
await storage.stop()
await cache.start()
const isCached = await cache.hasBlob(digest)
await cache.stop()
rmSync(directory, { recursive: true })

const peakMemoryBytes = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ rightReaders, reads: fallback.reads, deliveredAtFirstByte, isCached, peakMemoryBytes }))
