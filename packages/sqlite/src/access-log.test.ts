import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { makeBlob, makeBlobs } from '@caskade/conformance'
import { digestOf } from '@caskade/core'
import { AccessClock } from '@caskade/core/files'
import Database from 'better-sqlite3'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { AccessLog, MAX_WAITING_USES } from './access-log.ts'
import { BlobRecords } from './blob-records.ts'
import { EntryRecords } from './entry-records.ts'
import { migrate } from './schema.ts'
import type { SqlDatabase } from './sql.ts'
import { SqliteStorage } from './sqlite-storage.ts'
import { SqliteStore } from './sqlite-store.ts'
import { UseRecords } from './use-records.ts'

/** With so small a quota, uses are moved once there are this many. */
const MAX_BYTES = 256 * 1024
const MAX_RECENT = 128

const digests = makeBlobs(600, 10).map(({ digest }) => digest)

let database: SqlDatabase
let blobs: BlobRecords
let entries: EntryRecords
let now: number

beforeEach(() => {
  database = new Database(':memory:') as SqlDatabase
  migrate(database, ':memory:')
  blobs = new BlobRecords(database)
  entries = new EntryRecords(database)
  now = 1_000_000
  for (const digest of digests) blobs.insert(digest, { costBytes: 1, accessedUs: 1, fileId: null })
})

function accessLog(owner: string, granularityMs = 0): AccessLog {
  const clock = new AccessClock(() => now)
  const uses = new UseRecords(database, owner)
  return new AccessLog({ clock, granularityMs, maxBytes: MAX_BYTES, uses })
}

/** Notes the use of some blobs, and records it. */
function use(log: AccessLog, from = 0, to = digests.length): void {
  now += 1000
  for (const { id, accessedUs } of records().slice(from, to)) log.useBlob({ id, accessedUs })
  recordAll(log)
}

function recordAll(log: AccessLog): void {
  while (log.size > 0) {
    log.demandRecord()
    log.record()
  }
}

function moveAll(log: AccessLog): void {
  while (log.beginMove()) log.noteMoved(log.moveSome({ rowBytes: 0 }))
}

function records(): { readonly id: number; readonly accessedUs: number }[] {
  return blobs.page(0, digests.length)
}

/** How many records there are of uses that were not moved, and how many of those that were. */
function countRecords(): unknown {
  const counts = "SELECT (SELECT count(*) FROM recent_use WHERE uses <> x''), (SELECT count(*) FROM last_use)"
  return database.prepare(counts).raw().get()
}

/** The last uses, of all that anybody knows of them. */
function lastUses(log: AccessLog): number[] {
  return records().map(({ id }) => log.lastUseOfBlob(id))
}

describe('uses', () => {
  test('count although the rows do not say so, and are moved in several jobs once there are many', () => {
    const log = accessLog('me')

    use(log, 0, MAX_RECENT - 1)
    expect(log.beginMove()).toBe(false)
    use(log, MAX_RECENT - 1)

    expect(records().filter(({ accessedUs }) => accessedUs > 1)).toEqual([])
    const used = lastUses(log)
    expect(used.filter((usedUs) => usedUs < 1_000_000_000)).toEqual([])
    expect(log.beginMove()).toBe(true)
    log.noteMoved(log.moveSome({ rowBytes: 0 }))
    expect(countRecords()).toEqual([2, 400])
    moveAll(log)
    expect(countRecords()).toEqual([0, digests.length])
    expect(lastUses(log)).toEqual(used)
    expect(lastUses(accessLog('other'))).toEqual(used)
    expect(blobs.lastAccessUs()).toBe(Math.max(...used))
  })

  test('are moved once there are many records of few', () => {
    const log = accessLog('me')
    for (let round = 0; round < 7; round += 1) use(log, 0, 1)
    expect(log.beginMove()).toBe(false)

    use(log, 0, 1)
    moveAll(log)

    expect(countRecords()).toEqual([0, 1])
  })

  test('wait until they are worth a record, or are demanded', () => {
    const log = accessLog('me')
    for (const record of records().slice(0, 63)) log.useBlob(record)
    log.record()
    expect(log.size).toBe(63)

    log.demandRecord()
    log.record()
    expect(log.size).toBe(0)
    for (const record of records().slice(0, 64)) log.useBlob(record)
    log.record()
    expect(log.size).toBe(0)
  })

  test('that are noted while others are moved stay on record', () => {
    const log = accessLog('me')
    use(log)
    expect(log.beginMove()).toBe(true)
    use(log, 0, 10)
    const used = lastUses(log)

    moveAll(log)

    expect(countRecords()).toEqual([1, digests.length])
    expect(lastUses(log)).toEqual(used)
    expect(lastUses(accessLog('other')).slice(0, 11)).not.toEqual(used.slice(0, 11))
  })

  test('are moved again when what was moved was undone', () => {
    const log = accessLog('me')
    use(log)
    database.exec('BEGIN')
    expect(log.beginMove()).toBe(true)
    log.moveSome({ rowBytes: 0 })
    database.exec('ROLLBACK')

    moveAll(log)

    expect(countRecords()).toEqual([0, digests.length])
  })

  test('of entries are moved, too', () => {
    const log = accessLog('me')
    const key = { namespace: 'n', key: 'k' }
    entries.insert(key, { bytes: new Uint8Array(1), references: [], metadata: {} }, 1, 1)
    const age = entries.findAge(key)
    if (age === undefined) return

    expect(log.useEntry(age)).toBe(true)
    use(log)
    moveAll(log)

    expect(countRecords()).toEqual([0, digests.length + 1])
    expect(accessLog('other').lastUseOfEntry(age.id)).toBe(1_000_000_000)
  })

  test('of other processes count, whether they have moved them or not', () => {
    const [left, right, third] = [accessLog('left'), accessLog('right'), accessLog('third')]
    for (let round = 0; round < 20; round += 1) {
      const from = round * 25
      use(left, from, from + 100)
      if (round % 3 === 0) moveAll(left)
      right.seeOthers()

      expect(lastUses(right)).toEqual(lastUses(left))
    }
    third.seeOthers()
    expect(lastUses(third)).toEqual(lastUses(left))
  })

  test('of a process that is gone are taken over', () => {
    const gone = accessLog('gone')
    use(gone)
    const used = lastUses(gone)
    const log = accessLog('me')
    expect(log.owners()).toEqual(['gone'])

    log.takeOver(['gone'])

    expect(lastUses(log)).toEqual(used)
    expect(log.owners()).toEqual(['me'])
    moveAll(log)
    expect(lastUses(accessLog('other'))).toEqual(used)
    expect(countRecords()).toEqual([0, digests.length])
  })

  test('that cannot be recorded count as long as the process runs', () => {
    database.exec("CREATE TRIGGER t BEFORE INSERT ON recent_use BEGIN SELECT RAISE(ABORT, 'damaged'); END")
    const log = accessLog('me')
    const [record] = records()
    if (record === undefined) return
    const usedUs = log.useBlob(record)

    expect(() => recordAll(log)).toThrow('damaged')

    expect(log.size).toBe(0)
    expect(log.lastUseOfBlob(record.id)).toBe(usedUs)
  })

  test('are not noted again within the granularity, whatever the row says', () => {
    const log = accessLog('me', 10_000)
    const [record] = records()
    if (record === undefined) return
    const usedUs = log.useBlob(record)
    recordAll(log)
    now += 9000

    expect(log.useBlob(record)).toBe(usedUs)
    expect(log.size).toBe(0)
    now += 1000
    expect(log.useBlob(record)).toBeGreaterThan(usedUs)
    expect(log.size).toBe(1)
  })

  test('go with what was used', () => {
    const log = accessLog('me')
    use(log)
    moveAll(log)

    database.exec('DELETE FROM blob')

    expect(countRecords()).toEqual([0, 0])
  })
})

test('who looks up more than can be recorded meanwhile waits until it is', async () => {
  const path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  const options = { path, accessGranularityMs: 0 }
  const store = new SqliteStore(options)
  await using storage = new SqliteStorage(options, store)
  await storage.start()
  const stored = Array.from({ length: MAX_WAITING_USES + 1000 }, (_, index) => Buffer.from(`blob ${index}`))
  const all = stored.map((bytes) => digestOf(bytes))
  await storage.bulkUpdateBlobs(stored.map((bytes, index) => [all[index] ?? digestOf(bytes), bytes]))

  expect(await storage.missingBlobs(all)).toEqual([])
  expect(store.accessLog.size).toBeLessThanOrEqual(MAX_WAITING_USES)

  expect((await storage.bulkReadBlobs(all)).size).toBe(all.length)
  expect(store.accessLog.size).toBeLessThanOrEqual(MAX_WAITING_USES)
})

test('who looks up more than may be on record waits until those before are moved', async () => {
  const path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  const maxBytes = 4 * 1024 ** 2
  const options = { path, accessGranularityMs: 0, maxBytes }
  const store = new SqliteStore(options)
  await using storage = new SqliteStorage(options, store)
  await storage.start()
  const stored = makeBlobs(maxBytes / 2048, 10)
  await storage.bulkUpdateBlobs(stored.map(({ digest, bytes }) => [digest, bytes]))
  const all = stored.map(({ digest }) => digest)

  for (let round = 0; round < 3; round += 1) {
    expect(await storage.missingBlobs(all)).toEqual([])
    expect(store.accessLog.isExcessive).toBe(false)
    // A write records the uses that were noted before it.
    await storage.deleteBlob(makeBlob(1, 0).digest)
  }
  expect(store.accessLog.isExcessive).toBe(true)
  await store.housekeeper.tick()
  const readonly = new Database(store.databasePath, { readonly: true })
  const countThere = readonly.prepare("SELECT count(*) FROM recent_use WHERE uses <> x''").pluck()
  while (countThere.get() !== 0) await setImmediate()
  readonly.close()
})
