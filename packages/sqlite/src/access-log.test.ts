import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '@caskade/core'
import { expect, onTestFinished, test } from 'vitest'
import { MAX_WAITING_USES } from './access-log.ts'
import { SqliteStorage } from './sqlite-storage.ts'
import { SqliteStore } from './sqlite-store.ts'

test('who looks up more than can be recorded meanwhile waits until it is', async () => {
  const path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  const options = { path, accessGranularityMs: 0 }
  const store = new SqliteStore(options)
  await using storage = new SqliteStorage(options, store)
  await storage.start()
  const blobs = Array.from({ length: MAX_WAITING_USES + 1000 }, (_, index) => Buffer.from(`blob ${index}`))
  const digests = blobs.map((bytes) => digestOf(bytes))
  await storage.bulkUpdateBlobs(blobs.map((bytes, index) => [digests[index] ?? digestOf(bytes), bytes]))

  expect(await storage.missingBlobs(digests)).toEqual([])
  expect(store.accessLog.size).toBeLessThanOrEqual(MAX_WAITING_USES)

  expect((await storage.bulkReadBlobs(digests)).size).toBe(digests.length)
  expect(store.accessLog.size).toBeLessThanOrEqual(MAX_WAITING_USES)
})
