// A program of its own, so that its memory is its own: deferred writes while the fallback is away for a minute.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { failing, FaultyActionCache, FaultyStorage, on } from '@caskade/conformance'
import type { ActionKey, Digest } from '@caskade/core'
import { digestOf, sourceFromBytes, StorageError, withCache } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { sqliteBackend } from '@caskade/sqlite'

const OUTAGE_MS = 60_000
const WRITERS = 8
const MAX_PENDING_BYTES = 200_000_000

interface Acknowledged {
  readonly digest: Digest
  readonly key: ActionKey
}

const directory = mkdtempSync(join(tmpdir(), 'caskade-outage-'))
const remote = sqliteBackend({ path: join(directory, 'store') })
const arrivals: string[] = []
const fallback = {
  storage: new FaultyStorage(remote.storage, failing()),
  actionCache: new FaultyActionCache(remote.actionCache, failing()),
}
const { storage, actionCache } = withCache({
  cache: memoryBackend({ maxBytes: 20_000_000 }),
  fallback,
  deferFallbackWrites: true,
  journalDirectory: join(directory, 'journal'),
  maxPendingBytes: MAX_PENDING_BYTES,
})
await storage.start()
await actionCache.start()

const acknowledged: Acknowledged[] = []
const refusals = new Set<string>()
let refused = 0
let wrongReads = 0
let memoryWhenFull = 0
const endsAt = performance.now() + OUTAGE_MS

async function write(number: number): Promise<void> {
  const bytes = randomBytes(1 + (number % 10 === 0 ? 300_000 : 40_000))
  const digest = digestOf(bytes)
  const key = { namespace: 'outage', key: digest.hash }
  await storage.commitWrite(digest, sourceFromBytes(bytes))
  await actionCache.update(key, { bytes: Buffer.from(digest.hash), references: [digest], metadata: {} })
  acknowledged.push({ digest, key })
}

async function readSome(number: number): Promise<void> {
  const one = acknowledged[(number * 7919) % acknowledged.length]
  if (one === undefined) return
  const reader = await storage.getBlob(one.digest)
  if (digestOf((await reader?.bytes()) ?? new Uint8Array(0)).hash !== one.digest.hash) wrongReads += 1
}

await Promise.all(
  Array.from({ length: WRITERS }, async (_, writer) => {
    for (let number = writer; performance.now() < endsAt; number += WRITERS) {
      try {
        await write(number)
      } catch (error) {
        if (!StorageError.is(error, 'unavailable')) throw error
        if (refused === 0) memoryWhenFull = process.memoryUsage().rss
        refused += 1
        refusals.add(error.message.replaceAll(/\d+/g, '#').slice(0, 200))
        await delay(20)
      }
      await readSome(number)
    }
  }),
)
const pendingAtEnd = storage.deferredStatus
const memoryAtEnd = process.memoryUsage().rss

fallback.storage.plan = on('commitWrite', { after: ({ names }) => arrivals.push(`blob ${names[0]}`) })
fallback.actionCache.plan = on('update', { before: ({ names }) => arrivals.push(`entry ${names[0]}`) })
const recoveryStarted = performance.now()
await storage.flush()
const recoveryMs = performance.now() - recoveryStarted

const seen = new Set<string>()
let early = 0
for (const arrival of arrivals) {
  seen.add(arrival)
  if (arrival.startsWith('entry ') && !seen.has(arrival.replace('entry ', 'blob '))) early += 1
}
let lost = 0
for (const { digest, key } of acknowledged) {
  const isThere = (await remote.storage.hasBlob(digest)) && (await remote.actionCache.get(key)) !== null
  if (!isThere) lost += 1
}
await actionCache.stop()
await storage.stop()
rmSync(directory, { recursive: true })

console.log(
  JSON.stringify({
    acknowledged: acknowledged.length,
    refused,
    refusals: [...refusals],
    wrongReads,
    lost,
    early,
    pendingBytesAtEnd: pendingAtEnd?.bytes,
    consecutiveFailures: pendingAtEnd?.consecutiveFailures,
    memoryWhenFull,
    memoryAtEnd,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    recoveryMs,
  }),
)
