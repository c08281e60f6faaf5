import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { TestBlob } from '@caskade/conformance'
import { makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageABC } from '@caskade/core'
import { startAll } from '@caskade/core'
import { fileCostBytes, nodeFiles } from '@caskade/core/files'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { sqliteBackend, SqliteStorage } from './index.ts'

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => rmSync(path, { recursive: true }))

async function commitAll(storage: StorageABC, blobs: readonly TestBlob[]): Promise<void> {
  await Promise.all(blobs.map((blob) => storage.commitWrite(blob.digest, sourceOf(blob))))
}

/** Writes as much as there is no room for. */
async function evictSome(storage: StorageABC): Promise<void> {
  const added = makeBlobs(500, 1000, 5000)
  await storage.bulkUpdateBlobs(added.map(({ digest, bytes }) => [digest, bytes]))
}

async function countOf(storage: StorageABC): Promise<number> {
  return (await Array.fromAsync(storage.listBlobs())).length
}

describe('eviction', () => {
  test.each([1, 10])(
    'for concurrent writes takes what they need, when removing a file takes %i turns',
    async (turns) => {
      const size = 40_000
      const unlink = async (name: string): Promise<void> => {
        for (let turn = 0; turn < turns; turn++) await setImmediate()
        await nodeFiles.unlink(name)
      }
      await using storage = new SqliteStorage({
        path,
        maxBytes: 100 * fileCostBytes(size),
        highWatermark: 1,
        lowWatermark: 1,
        files: { ...nodeFiles, unlink },
      })
      await storage.start()
      for (const seed of [1, 101]) await commitAll(storage, makeBlobs(60, size, seed))
      const kept = await countOf(storage)
      expect(kept).toBeGreaterThan(80)

      await commitAll(storage, makeBlobs(40, size, 1000))

      expect(await countOf(storage)).toBe(kept)
    },
  )

  test('of many small blobs for a large one is done in slices, so that other work gets its turn', async () => {
    await using storage = new SqliteStorage({ path, maxBytes: 1_000_000, maxRowBytes: 1_000_000 })
    await storage.start()
    await storage.bulkUpdateBlobs(makeBlobs(3000, 10).map(({ digest, bytes }) => [digest, bytes]))
    const [large] = makeBlobs(1, 750_000)
    if (large === undefined) return
    const counts = [count('blob')]
    const progress = { isDone: false }
    const writing = storage.commitWrite(large.digest, sourceOf(large)).finally(() => {
      progress.isDone = true
    })

    while (!progress.isDone) {
      await setImmediate()
      counts.push(count('blob'))
    }

    await writing
    expect(counts[0]).toBeGreaterThan(2000)
    expect(counts.at(-1)).toBeLessThan(1000)
    const steps = counts.slice(1).map((left, index) => (counts[index] ?? 0) - left)
    expect(Math.max(...steps)).toBeLessThanOrEqual(100)
  })

  test('spares what was used, however many uses are yet to be recorded', async () => {
    await using storage = new SqliteStorage({ path, maxBytes: 1_200_000, accessGranularityMs: 0 })
    await storage.start()
    const [used, unused] = [makeBlobs(500, 300), makeBlobs(500, 300, 1000)]
    for (const blobs of [used, unused]) {
      await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
    }
    expect(await storage.missingBlobs(used.map(({ digest }) => digest))).toEqual([])

    await evictSome(storage)

    const kept = await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest.hash)
    expect(unused.every(({ digest }) => kept.includes(digest.hash))).toBe(false)
    expect(used.filter(({ digest }) => !kept.includes(digest.hash))).toEqual([])
  })

  test.each(['runs', 'has ended', 'was killed'])('spares what another process used that %s', async (state) => {
    const options = { path, maxBytes: 1_200_000, accessGranularityMs: 0 }
    await using storage = new SqliteStorage(options)
    await storage.start()
    const [used, unused] = [makeBlobs(500, 300), makeBlobs(500, 300, 1000)]
    for (const blobs of [used, unused]) {
      await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
    }
    if (state !== 'runs') await storage.stop()
    const script = `
      import { makeBlobs } from '@caskade/conformance'
      import { SqliteStorage } from '@caskade/sqlite'
      const storage = new SqliteStorage(${JSON.stringify(options)})
      await storage.start()
      const missing = await storage.missingBlobs(makeBlobs(500, 300).map(({ digest }) => digest))
      if (missing.length > 0) throw new Error('there is less than there should be')
      // A write records the uses that were noted before it.
      await storage.deleteBlob(makeBlobs(1, 0)[0].digest)
      if (process.argv[1] === 'has ended') await storage.stop()
      else if (process.argv[1] === 'was killed') process.kill(process.pid, 'SIGKILL')
      else process.stdout.write('used')
      if (process.argv[1] === 'runs') process.stdin.resume().once('end', () => process.exit())`
    const args = ['--conditions=@caskade/source', '--input-type=module', '-e', script, state]
    const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => void child.stdin.end())
    const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    expect(String(said)).toBe({ runs: 'used', 'has ended': '0', 'was killed': 'null' }[state])
    if (state !== 'runs') await storage.start()

    await evictSome(storage)

    const kept = await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest.hash)
    expect(unused.every(({ digest }) => kept.includes(digest.hash))).toBe(false)
    expect(used.filter(({ digest }) => !kept.includes(digest.hash))).toEqual([])
  })
})

test('the use of an entry is one of the blobs it references, which outlive it', async () => {
  const { storage, actionCache } = sqliteBackend({
    path,
    maxBytes: 2_330_000,
    accessGranularityMs: 0,
    highWatermark: 1,
    lowWatermark: 1,
  })
  await using running = storage
  await using alsoRunning = actionCache
  await startAll([running, alsoRunning])
  const [referenced, unreferenced] = [makeBlobs(3, 40_000), makeBlobs(3, 40_000, 100)]
  await commitAll(storage, referenced)
  const key = { namespace: 'n', key: 'k' }
  const references = referenced.map(({ digest }) => digest)
  await actionCache.update(key, { bytes: new Uint8Array(10), references, metadata: {} })
  await commitAll(storage, unreferenced)

  expect(await actionCache.get(key)).not.toBe(null)
  for (const blob of makeBlobs(48, 40_000, 200)) await storage.commitWrite(blob.digest, sourceOf(blob))

  const kept = new Set(await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest.hash))
  expect(unreferenced.filter(({ digest }) => kept.has(digest.hash))).toEqual([])
  expect(references.filter(({ hash }) => !kept.has(hash))).toEqual([])
  expect(await Array.fromAsync(actionCache.list('n'))).toHaveLength(1)
})

function count(table: string): number {
  const database = new Database(join(path, 'caskade.sqlite'))
  try {
    return database.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
  } finally {
    database.close()
  }
}
