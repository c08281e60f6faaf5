import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlobs } from '@caskade/conformance'
import type { StorageABC } from '@caskade/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStorage } from './index.ts'
import { rowCostBytes } from './row-cost.ts'

const MAX_BYTES = 10_000_000

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => rmSync(path, { recursive: true }))

async function fill(storage: StorageABC, sizeBytes: number): Promise<void> {
  const blobs = makeBlobs(Math.ceil((MAX_BYTES / sizeBytes) * 1.3), sizeBytes)
  for (let from = 0; from < blobs.length; from += 200) {
    await storage.bulkUpdateBlobs(blobs.slice(from, from + 200).map(({ digest, bytes }) => [digest, bytes]))
  }
}

function bytesOnDisk(): number {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).blocks * 512, 0)
}

describe('what a full storage takes of the disk', () => {
  test.each([2100, 3000, 5000, 16_000])('is no more than the quota, in rows of %i bytes', async (sizeBytes) => {
    await using storage = new SqliteStorage({ path, maxBytes: MAX_BYTES })
    await storage.start()

    await fill(storage, sizeBytes)
    await storage.stop()

    expect(bytesOnDisk()).toBeGreaterThan(0.8 * MAX_BYTES)
    expect(bytesOnDisk()).toBeLessThan(1.05 * MAX_BYTES)
  })

  test('is little more once rows have given way to files', async () => {
    await using storage = new SqliteStorage({ path, maxBytes: MAX_BYTES })
    await storage.start()
    await fill(storage, 3000)

    await fill(storage, 50_000)
    await storage.stop()

    expect(bytesOnDisk()).toBeLessThan(1.15 * MAX_BYTES)
  })
})

test.each([10, 300, 2020, 2040, 3000, 4055, 4070, 8192, 16_384])(
  'a row of %i bytes costs what it takes',
  (sizeBytes) => {
    const database = new Database(join(path, 'rows.sqlite'))
    database.exec('CREATE TABLE content (blob_id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)')
    const insert = database.prepare('INSERT INTO content VALUES (?, ?)')
    const rows = 1000
    for (let id = 1; id <= rows; id++) insert.run(id, Buffer.alloc(sizeBytes))
    const actual = (Number(database.pragma('page_count', { simple: true })) * 4096) / rows
    database.close()

    expect(rowCostBytes(sizeBytes)).toBeGreaterThan(actual * 0.8)
    expect(rowCostBytes(sizeBytes)).toBeLessThan(actual * 1.1 + 20)
  },
)
