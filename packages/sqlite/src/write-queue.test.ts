import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageEvent } from '@caskade/core'
import { onStorageEvent } from '@caskade/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStorage } from './index.ts'

const used = makeBlob(1, 1000)
const added = makeBlob(2, 1000)

let path: string
let storage: SqliteStorage

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  storage = new SqliteStorage({ path, accessGranularityMs: 0 })
  await storage.start()
  await storage.commitWrite(used.digest, sourceOf(used))
})

afterEach(async () => {
  await storage.stop()
  rmSync(path, { recursive: true })
})

function change(sql: string): void {
  const database = new Database(join(path, 'caskade.sqlite'))
  database.exec(sql)
  database.close()
}

describe('a transaction', () => {
  test.each(['ABORT', 'ROLLBACK'])('is made although uses cannot be recorded (%s)', async (raise) => {
    // Enough of them for a record.
    const many = makeBlobs(64, 10, 100)
    await storage.bulkUpdateBlobs(many.map(({ digest, bytes }) => [digest, bytes]))
    change(`CREATE TRIGGER t BEFORE INSERT ON recent_use BEGIN SELECT RAISE(${raise}, 'damaged'); END`)
    const events: StorageEvent[] = []
    using listening = { [Symbol.dispose]: onStorageEvent((event) => events.push(event)) }
    expect(listening).toBeDefined()
    await storage.missingBlobs(many.map(({ digest }) => digest))

    await storage.commitWrite(added.digest, sourceOf(added))
    await storage.deleteBlob(used.digest)

    expect(await storage.missingBlobs([used.digest, added.digest])).toEqual([used.digest])
    expect(events.map(({ kind }) => kind)).toEqual(['touch-failure'])
  })

  test('that cannot even begin rejects all that wait for it, and stopping goes on', async () => {
    change('ALTER TABLE usage RENAME TO lost')

    const outcomes = await Promise.allSettled(
      makeBlobs(20, 1000, 10).map((blob) => storage.commitWrite(blob.digest, sourceOf(blob))),
    )

    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'StorageError', code: 'unknown' } })
    }
    await storage.stop()
    change('ALTER TABLE lost RENAME TO usage')
    await storage.start()
    await storage.commitWrite(added.digest, sourceOf(added))
    expect(await storage.hasBlob(added.digest)).toBe(true)
  })

  test('whose job fails undoes that job alone', async () => {
    change(`CREATE TRIGGER t BEFORE INSERT ON content WHEN length(new.bytes) = 500
      BEGIN SELECT RAISE(ABORT, 'damaged'); END`)
    const blobs = [makeBlob(3, 400), makeBlob(4, 500), makeBlob(5, 600)]

    const statuses = await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))

    expect(statuses.map(({ code }) => code)).toEqual(['ok', 'unknown', 'ok'])
    expect(await storage.missingBlobs(blobs.map(({ digest }) => digest))).toEqual([blobs[1]?.digest])
  })
})
