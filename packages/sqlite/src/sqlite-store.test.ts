import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { Backend } from '@caskade/core'
import { digestOf, startAll, stopAll, StorageError, WriteSession } from '@caskade/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sqliteBackend } from './index.ts'
import { decodeReferences, encodeReferences } from './blob-key.ts'

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => {
  rmSync(path, { recursive: true })
})

async function withBackend<Result>(use: (backend: Backend) => Promise<Result>, maxBytes?: number): Promise<Result> {
  const backend = sqliteBackend({ path, maxBytes, accessGranularityMs: 0, highWatermark: 1, lowWatermark: 1 })
  await startAll([backend.storage, backend.actionCache])
  try {
    return await use(backend)
  } finally {
    await stopAll([backend.storage, backend.actionCache])
  }
}

function query(sql: string): unknown {
  const database = new Database(join(path, 'caskade.sqlite'))
  try {
    return Object.values(database.prepare(sql).get() as object)[0]
  } finally {
    database.close()
  }
}

function filesOnDisk(): string[] {
  return readdirSync(join(path, 'files'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('/'))
}

describe('usage', () => {
  test('is the sum of what is stored, after writes, failures, evictions and deletes', async () => {
    const blobs = [...makeBlobs(30, 5000), ...makeBlobs(30, 50_000, 100)]
    await withBackend(async ({ storage, actionCache }) => {
      for (const blob of [...blobs, ...blobs]) await storage.commitWrite(blob.digest, sourceOf(blob))
      for (const { digest, bytes } of blobs.slice(0, 10)) {
        await actionCache.update({ namespace: 'n', key: digest.hash }, { bytes, references: [digest], metadata: {} })
      }
      const short = { ...sourceOf(makeBlob(7, 40_000)), sizeBytes: 40_001 }
      await expect(storage.commitWrite({ hash: 'a'.repeat(64), sizeBytes: 40_001 }, short)).rejects.toThrow(
        StorageError,
      )
      await storage.bulkDelete(blobs.slice(25, 40).map(({ digest }) => digest))
    }, 1_000_000)

    const sum = query(`SELECT coalesce((SELECT sum(cost_bytes) FROM blob), 0)
      + coalesce((SELECT sum(cost_bytes) FROM entry), 0) + coalesce((SELECT sum(cost_bytes) FROM loose_file), 0)`)
    expect(query('SELECT used_bytes FROM usage')).toBe(sum)
    expect(Number(sum)).toBeGreaterThan(500_000)
    expect(Number(sum)).toBeLessThanOrEqual(1_000_000)
    expect(query('SELECT count(*) FROM loose_file')).toBe(0)
    expect(filesOnDisk()).toHaveLength(Number(query('SELECT count(*) FROM blob WHERE file_id IS NOT NULL')))
  })
})

describe('small and large blobs', () => {
  test('small ones are rows, large ones files', async () => {
    await withBackend(async ({ storage }) => {
      for (const size of [0, 32 * 1024, 32 * 1024 + 1]) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
      }
    })

    expect(query('SELECT count(*) FROM content')).toBe(2)
    expect(filesOnDisk()).toHaveLength(1)
  })

  test('the file of a source is shared, not copied, and outlives the source', async () => {
    const content = Buffer.alloc(3_000_000, 'large')
    await withBackend(async ({ storage }) => {
      {
        await using session = new WriteSession({ directory: path })
        await session.write(content)
        const digest = await session.finish()
        await storage.commitWrite(digest, session)
        expect(statSync(session.filePath ?? '').nlink).toBe(2)
      }
      const reader = await storage.getBlob(digestOf(content))

      expect(content.equals((await reader?.bytes()) ?? Buffer.alloc(0))).toBe(true)
    })
    expect(filesOnDisk()).toHaveLength(1)
  })

  test('a source file of another size than it says is refused', async () => {
    const blob = makeBlob(1, 100_000)
    writeFileSync(join(path, 'source'), blob.bytes.subarray(1))
    await withBackend(async ({ storage }) => {
      const source = { ...sourceOf(blob), filePath: join(path, 'source') }

      await expect(storage.commitWrite(blob.digest, source)).rejects.toMatchObject({ code: 'invalid-argument' })

      expect(await storage.hasBlob(blob.digest)).toBe(false)
    })
    expect(filesOnDisk()).toEqual([])
  })
})

describe('starting', () => {
  test('a database of a newer version is refused, and left alone', async () => {
    await withBackend(async () => undefined)
    const database = new Database(join(path, 'caskade.sqlite'))
    database.pragma('user_version = 99')
    database.close()

    await expect(withBackend(async () => undefined)).rejects.toMatchObject({ code: 'unsupported' })

    expect(query('PRAGMA user_version')).toBe(99)
  })

  test('a folder that cannot be used gives an error that names it', async () => {
    writeFileSync(join(path, 'file'), '')
    const { storage } = sqliteBackend({ path: join(path, 'file', 'below') })

    await expect(storage.start()).rejects.toThrow(/file.below/)
    await expect(storage.start()).rejects.toThrow(StorageError)
  })

  test('a file that is no database gives an error', async () => {
    writeFileSync(join(path, 'caskade.sqlite'), 'this is not a database, and long enough to be looked at'.repeat(20))

    await expect(withBackend(async () => undefined)).rejects.toThrow(/SQLITE_NOTADB/)
  })

  test('what a killed process was writing is removed, what it had acknowledged is kept', async () => {
    const script = `
      import { sqliteBackend } from '@caskade/sqlite'
      import { makeBlob, sourceOf } from '@caskade/conformance'
      const { storage } = sqliteBackend({ path: ${JSON.stringify(path)} })
      await storage.start()
      for (const size of [100, 50_000]) await storage.commitWrite(makeBlob(1, size).digest, sourceOf(makeBlob(1, size)))
      const stuck = { sizeBytes: 70_000, open: () => ({ sizeBytes: 70_000, async *[Symbol.asyncIterator]() {
        yield new Uint8Array(300)
        process.kill(process.pid, 'SIGKILL')
        await new Promise(() => setInterval(() => undefined, 1000))
      }, async [Symbol.asyncDispose]() {} }) }
      await storage.commitWrite(makeBlob(2, 70_000).digest, stuck)`
    const args = ['--conditions=@caskade/source', '--input-type=module', '-e', script]
    const { signal, stderr } = spawnSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' })
    expect([signal, stderr]).toEqual(['SIGKILL', ''])
    expect(filesOnDisk()).toHaveLength(2)
    expect(query('SELECT count(*) FROM loose_file')).toBe(1)

    await withBackend(async ({ storage }) => {
      for (const size of [100, 50_000]) {
        const { digest, bytes } = makeBlob(1, size)
        const reader = await storage.getBlob(digest)
        expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), bytes)).toBe(0)
      }
      expect(await storage.hasBlob(makeBlob(2, 70_000).digest)).toBe(false)
    })

    expect(filesOnDisk()).toHaveLength(1)
    expect(query('SELECT count(*) FROM loose_file')).toBe(0)
    expect(readdirSync(join(path, 'owners'))).toEqual([])
  })
})

describe('two on one folder', () => {
  test('each sees what the other writes, and neither removes what the other is writing', async () => {
    const [left, right] = [sqliteBackend({ path }), sqliteBackend({ path })]
    await left.storage.start()
    const fromLeft = makeBlobs(20, 40_000)
    const writing = Promise.all(fromLeft.map((blob) => left.storage.commitWrite(blob.digest, sourceOf(blob))))
    await right.storage.start()
    const fromRight = makeBlobs(20, 300, 500)
    await Promise.all(fromRight.map((blob) => right.storage.commitWrite(blob.digest, sourceOf(blob))))
    await writing

    expect(await right.storage.missingBlobs(fromLeft.map(({ digest }) => digest))).toEqual([])
    expect(await left.storage.missingBlobs(fromRight.map(({ digest }) => digest))).toEqual([])

    await stopAll([left.storage, right.storage])
  })

  test('both keep to one quota', async () => {
    const options = { path, maxBytes: 1_000_000 }
    const [left, right] = [sqliteBackend(options), sqliteBackend(options)]
    await startAll([left.storage, right.storage])

    for (const [index, blob] of makeBlobs(60, 40_000).entries()) {
      await (index % 2 === 0 ? left : right).storage.commitWrite(blob.digest, sourceOf(blob))
    }

    expect(Number(query('SELECT used_bytes FROM usage'))).toBeLessThanOrEqual(1_000_000)
    await stopAll([left.storage, right.storage])
    expect(filesOnDisk().length * 40_000).toBeLessThanOrEqual(1_000_000)
  })
})

describe('eviction', () => {
  test('lets an entry go before the blobs it references', async () => {
    await withBackend(async ({ storage, actionCache }) => {
      const [referenced, ...others] = makeBlobs(180, 3000)
      if (referenced === undefined) return
      await storage.commitWrite(referenced.digest, sourceOf(referenced))
      // Large, so that the writes after the one that it makes room for need no more.
      const entry = { bytes: new Uint8Array(30_000), references: [referenced.digest], metadata: {} }
      await actionCache.update({ namespace: 'n', key: 'k' }, entry)

      const kept: [entry: boolean, blob: boolean][] = []
      for (const blob of others) {
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const blobs = await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest.hash)
        kept.push([(await Array.fromAsync(actionCache.list('n'))).length === 1, blobs.includes(referenced.digest.hash)])
      }

      expect(kept).toContainEqual([false, true])
      expect(kept).not.toContainEqual([true, false])
      expect(kept.at(-1)).toEqual([false, false])
    }, 508_000)
  })
})

describe('the write-ahead log', () => {
  test('is worked off while writing goes on', async () => {
    await withBackend(async ({ storage }) => {
      for (let round = 0; round < 60; round++) {
        const blobs = makeBlobs(100, 16_000, round * 100)
        await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
      }

      expect(statSync(join(path, 'caskade.sqlite-wal')).size).toBeLessThan(64_000_000)
    })
    expect(Number(query('SELECT count(*) FROM blob'))).toBe(6000)
  })
})

test('references keep their function, hash and size', () => {
  const references = [makeBlob(1, 10).digest, makeBlob(2, 0, 'sha512').digest, makeBlob(3, 2, 'sha1').digest]

  expect(decodeReferences(encodeReferences(references))).toEqual(references)
  expect(decodeReferences(encodeReferences([]))).toEqual([])
})
