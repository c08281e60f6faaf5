// A process among several on one folder: writes, reads and deletes at random until it is told to stop.
import { randomBytes } from 'node:crypto'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '@caskade/conformance'
import type { BlobReader, Digest } from '@caskade/core'
import { digestOf, sourceFromBytes, StorageError } from '@caskade/core'
import { localBackend } from '../support/local-backends.ts'

const WRITERS = 6
const READERS = 3

/** How many of its latest blobs a process reads. */
const REMEMBERED = 400

const [, , name = '', path = '', maxBytes = '', seed = ''] = process.argv
const options = { path, maxBytes: Number(maxBytes), accessGranularityMs: 1000 }
const { storage, actionCache } = await localBackend(name, options)
await storage.start()
await actionCache.start()
process.stdout.write('ready\n')

const random = seededRandom(Number(seed))
const counts = { written: 0, writtenBytes: 0, refused: 0, read: 0, absent: 0, deleted: 0, failures: [] as string[] }
const latest: Digest[] = []
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())

await Promise.all([
  ...Array.from({ length: WRITERS }, () => repeatedly(write)),
  ...Array.from({ length: READERS }, () => repeatedly(read)),
  repeatedly(readSlowly),
  repeatedly(remove),
])
await actionCache.stop()
await storage.stop()
process.stdout.write(`${JSON.stringify(counts)}\n`)

async function repeatedly(act: () => Promise<void>): Promise<void> {
  while (!stopping.signal.aborted) {
    // What is in memory or in a row is answered without waiting for anything; the others want their turn as well.
    await setImmediate()
    await act().catch((error: unknown) => {
      if (StorageError.is(error, 'no-space')) counts.refused += 1
      else counts.failures.push(String(error))
    })
  }
}

async function write(): Promise<void> {
  const bytes = randomBytes(randomSize())
  const digest = digestOf(bytes)
  await storage.commitWrite(digest, sourceFromBytes(bytes))
  if (random() < 0.2) {
    const key = { namespace: 'e2e', key: `${Math.floor(random() * 500)}` }
    await actionCache.update(key, { bytes: bytes.subarray(0, 2000), references: [digest], metadata: {} })
  }
  counts.written += 1
  counts.writtenBytes += bytes.byteLength
  latest.push(digest)
  if (latest.length > REMEMBERED) latest.shift()
}

async function read(): Promise<void> {
  const reader = await someReader()
  await reader?.bytes()
}

/** Keeps a blob open while others may evict it. */
async function readSlowly(): Promise<void> {
  const reader = await someReader()
  if (reader === undefined) return
  for await (const _ of reader) await delay(20)
}

async function remove(): Promise<void> {
  await delay(50)
  const digest = latest[Math.floor(random() * latest.length)]
  if (digest === undefined) return
  await storage.deleteBlob(digest)
  counts.deleted += 1
}

async function someReader(): Promise<BlobReader | undefined> {
  const digest = latest[Math.floor(random() * latest.length)]
  if (digest === undefined) {
    await delay(10)
    return undefined
  }
  const reader = await storage.getBlob(digest)
  counts[reader === null ? 'absent' : 'read'] += 1
  return reader ?? undefined
}

function randomSize(): number {
  const kind = random()
  if (kind < 0.5) return Math.floor(random() * 40_000)
  return kind < 0.95 ? Math.floor(random() * 1_000_000) : Math.floor(random() * 24_000_000)
}
