// A program of its own, so that its memory is its own: deferred writes while the bucket is out of reach for a minute.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ActionKey, Digest } from '@caskade/core'
import { digestOf, mapLimit, sourceFromBytes, StorageError, withCache } from '@caskade/core'
import type { FakeFault } from '@caskade/gcs/testing'
import { FakeGcs } from '@caskade/gcs/testing'
import { memoryBackend } from '@caskade/memory'
import { backendAt } from '../support/gcs-bucket.ts'

const OUTAGE_MS = 60_000
const WRITERS = 4
const MAX_PENDING_BYTES = 50_000_000

const directory = mkdtempSync(join(tmpdir(), 'caskade-gcs-outage-'))
const fake = await FakeGcs.start({ token: '' })
const cache = memoryBackend({ maxBytes: 100_000_000 })
const { storage, actionCache } = withCache({
  cache,
  fallback: backendAt(fake.url, { maxRetries: 2 }),
  deferFallbackWrites: true,
  journalDirectory: join(directory, 'journal'),
  maxPendingBytes: MAX_PENDING_BYTES,
})
await storage.start()
await actionCache.start()

/** All the ways to be out of reach, in turn. */
const outages: readonly FakeFault[] = [
  { type: 'status', status: 503 },
  { type: 'reset' },
  { type: 'status', status: 429 },
]
fake.plan = ({ number }) => outages[number % outages.length]

const acknowledged: { readonly digest: Digest; readonly key: ActionKey }[] = []
let refused = 0
let wrongReads = 0
const endsAt = performance.now() + OUTAGE_MS

async function write(number: number): Promise<void> {
  const bytes = randomBytes(1 + (number % 10 === 0 ? 300_000 : 40_000))
  const digest = digestOf(bytes)
  const key = { namespace: 'outage', key: digest.hash }
  await storage.commitWrite(digest, sourceFromBytes(bytes))
  await actionCache.update(key, { bytes: Buffer.from(digest.hash), references: [digest], metadata: {} })
  acknowledged.push({ digest, key })
  const reader = await storage.getBlob(digest)
  if (digestOf((await reader?.bytes()) ?? new Uint8Array(0)).hash !== digest.hash) wrongReads += 1
}

await mapLimit(
  Array.from({ length: WRITERS }, (_, writer) => writer),
  WRITERS,
  async (writer) => {
    for (let number = writer; performance.now() < endsAt; number += WRITERS) {
      try {
        await write(number)
      } catch (error) {
        if (!StorageError.is(error, 'unavailable')) throw error
        refused += 1
        await delay(20)
      }
    }
  },
)
const arrivedInOutage = fake.objects.all.length
const pendingBytesAtEnd = storage.deferredStatus?.bytes

fake.plan = () => undefined
await storage.flush()
await actionCache.stop()
await storage.stop()

const remote = backendAt(fake.url)
await remote.storage.start()
await remote.actionCache.start()
const missing = await remote.storage.missingBlobs(acknowledged.map(({ digest }) => digest))
const entries = await mapLimit(acknowledged, 16, ({ key }) => remote.actionCache.get(key))
const lost = missing.length + entries.filter((entry) => entry === null).length
await remote.actionCache.stop()
await remote.storage.stop()
await fake[Symbol.asyncDispose]()
rmSync(directory, { recursive: true })

console.log(
  JSON.stringify({ acknowledged: acknowledged.length, refused, wrongReads, lost, arrivedInOutage, pendingBytesAtEnd }),
)
