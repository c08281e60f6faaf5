import { makeBlob, sourceOf } from '@caskade/conformance'
import { StorageError } from '@caskade/core'
import { fsBackend } from './index.ts'

// Run by `processes.test.ts`, several at once on one folder: writes, reads and deletes until it has written enough.
const [, , path = '', maxBytes = '', seed = '', writes = ''] = process.argv
const { storage, actionCache } = fsBackend({ path, maxBytes: Number(maxBytes), accessGranularityMs: 0 })
await storage.start()
await actionCache.start()
const outcome = { written: 0, refused: 0, wrong: 0 }
await Promise.all([0, 1, 2, 3].map((lane) => work(lane)))
await actionCache.stop()
await storage.stop()
process.stdout.write(JSON.stringify(outcome))

async function work(lane: number): Promise<void> {
  for (let step = 0; step < Number(writes); step++) {
    // Some are written by several processes at the same time.
    const number = step % 5 === 0 ? step : Number(seed) + lane * 10_000 + step
    const blob = makeBlob(number, 1000 + ((number * 7919) % 60_000))
    try {
      await storage.commitWrite(blob.digest, sourceOf(blob))
      outcome.written += 1
      const reader = await storage.getBlob(blob.digest)
      if (reader !== null && Buffer.compare(await reader.bytes(), blob.bytes) !== 0) outcome.wrong += 1
      if (step % 7 === 0) await storage.deleteBlob(blob.digest)
      const key = { namespace: 'n', key: String(step % 20) }
      await actionCache.update(key, { bytes: blob.bytes.subarray(0, 3000), references: [blob.digest], metadata: {} })
    } catch (error) {
      if (!StorageError.is(error, 'no-space')) throw error
      outcome.refused += 1
    }
  }
}
