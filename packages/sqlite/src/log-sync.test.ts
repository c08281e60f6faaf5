import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { TestBlob } from '@caskade/conformance'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageABC } from '@caskade/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStorage } from './index.ts'
import { LogFiles } from './log-files.fixture.ts'
import { LogSync } from './log-sync.ts'
import { OthersVersion } from './others-version.ts'
import type { SqlDatabase } from './sql.ts'

const row = makeBlob(1, 1000)
const file = makeBlob(2, 50_000)

let path: string
let files: LogFiles
let storage: SqliteStorage

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  files = new LogFiles()
  storage = new SqliteStorage({ path, files: files.operations, maxBytes: 1_000_000, accessGranularityMs: 0 })
  await storage.start()
})

afterEach(async () => {
  await storage.stop()
  rmSync(path, { recursive: true })
})

function commit(blob: TestBlob): Promise<void> {
  return storage.commitWrite(blob.digest, sourceOf(blob))
}

async function expectWhole(from: StorageABC, { digest, bytes }: TestBlob): Promise<void> {
  const reader = await from.getBlob(digest)
  expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), bytes)).toBe(0)
}

function filesOnDisk(): number {
  return readdirSync(join(path, 'files'), { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    .length
}

function count(table: string): unknown {
  const database = new Database(join(path, 'caskade.sqlite'))
  try {
    return database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
  } finally {
    database.close()
  }
}

describe('when the log cannot be synced after a commit', () => {
  test.each([
    ['row', row],
    ['file', file],
  ])('a blob that is a %s is not acknowledged, and what its record names stays', async (_, blob) => {
    // A large blob has its first transaction synced, which lists its file, and then fails at the one that names it.
    const source = { ...sourceOf(blob), open: () => (files.breakLog(), sourceOf(blob).open()) }
    await expect(storage.commitWrite(blob.digest, source)).rejects.toMatchObject({ code: 'unknown' })
    files.mendLog()

    await commit(blob)

    expect(await storage.missingBlobs([blob.digest])).toEqual([])
    await expectWhole(storage, blob)
  })

  test('a bulk write says so for each blob, and of bad content what is wrong with it', async () => {
    await commit(row)
    files.breakLog()
    const [added, bad] = makeBlobs(2, 100, 500)
    const blobs = [
      [row.digest, row.bytes],
      [added!.digest, added!.bytes],
      [bad!.digest, Buffer.alloc(100)],
    ] as const
    // From here on nobody can tell whether what is stored would survive.
    await expect(commit(makeBlob(77, 10))).rejects.toMatchObject({ code: 'unknown' })

    const statuses = await storage.bulkUpdateBlobs(blobs)

    expect(statuses.map(({ code }) => code)).toEqual(['unavailable', 'unavailable', 'invalid-argument'])
    files.mendLog()
    expect((await storage.bulkUpdateBlobs(blobs)).map(({ code }) => code)).toEqual(['ok', 'ok', 'invalid-argument'])
  })

  test('nothing more is written until it can be', async () => {
    files.breakLog()
    await expect(commit(row)).rejects.toMatchObject({ code: 'unknown' })
    const others = makeBlobs(3, 40_000, 100)
    for (const blob of [...others, makeBlob(9, 10)]) {
      await expect(commit(blob)).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' })
    }
    expect(count('blob')).toBe(1)

    files.mendLog()
    for (const blob of others) await commit(blob)

    for (const blob of others) await expectWhole(storage, blob)
  })

  test('all of it is moved to the database, so that nothing depends on what the log may have lost', async () => {
    files.breakLog()
    await expect(commit(row)).rejects.toMatchObject({ code: 'unknown' })
    files.mendLog()
    await commit(row)

    const withoutLog = join(path, 'without-log')
    mkdirSync(withoutLog)
    cpSync(join(path, 'caskade.sqlite'), join(withoutLog, 'caskade.sqlite'))
    await using copy = new SqliteStorage({ path: withoutLog })
    await copy.start()

    await expectWhole(copy, row)
  })

  test('the file of an evicted blob goes once its eviction is certain to last, and not before', async () => {
    for (const blob of makeBlobs(19, 50_000, 100)) await commit(blob)
    const before = filesOnDisk()
    files.breakLog()
    await expect(commit(file)).rejects.toMatchObject({ name: 'StorageError' })
    expect(filesOnDisk()).toBe(before)

    files.mendLog()
    await commit(file)
    await storage.stop()

    expect(count('loose_file')).toBe(0)
    expect(filesOnDisk()).toBe(count('blob WHERE file_id IS NOT NULL'))
  })

  test('it can be stopped, and what was committed is there after the next start', async () => {
    files.breakLog()
    await expect(commit(row)).rejects.toMatchObject({ code: 'unknown' })

    await storage.stop()
    files.mendLog()
    await storage.start()

    await expectWhole(storage, row)
  })
})

describe('what is committed and not yet synced', () => {
  let syncs: number
  let outcomes: string[]
  let openGate: () => void
  let first: Promise<unknown>

  beforeEach(async () => {
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    outcomes = []
    syncs = 0
    openGate = () => {
      outcomes.push('synced')
      gate.resolve()
    }
    files.beforeSync = () => {
      syncs += 1
      reached.resolve()
      return gate.promise
    }
    first = commit(row).then(() => outcomes.push('first'))
    await reached.promise
  })

  test.each<[string, () => Promise<unknown>]>([
    ['commitWrite', () => commit(row)],
    ['hasBlob', () => storage.hasBlob(row.digest)],
    ['missingBlobs', () => storage.missingBlobs([file.digest, row.digest])],
    ['bulkUpdateBlobs', () => storage.bulkUpdateBlobs([[row.digest, row.bytes]])],
  ])('%s does not promise it', async (name, call) => {
    expect(count('blob')).toBe(1)

    const second = call().then(() => outcomes.push(name))
    await setImmediate()
    openGate()
    await Promise.all([first, second])

    expect(outcomes[0]).toBe('synced')
    expect(outcomes).toContain(name)
  })

  test('what is absent is so at once, and once all is synced nothing waits any more', async () => {
    expect(await storage.hasBlob(file.digest)).toBe(false)
    expect(await storage.missingBlobs([file.digest])).toEqual([file.digest])
    openGate()
    await first
    const before = syncs

    expect(await storage.hasBlob(row.digest)).toBe(true)
    await commit(row)

    expect(syncs).toBe(before)
  })

  test('what another process committed is synced before it is promised', async () => {
    openGate()
    await first
    await using other = new SqliteStorage({ path })
    await other.start()
    await other.commitWrite(file.digest, sourceOf(file))
    const before = syncs

    expect(await storage.hasBlob(file.digest)).toBe(true)

    expect(syncs).toBe(before + 1)
  })
})

describe('LogSync', () => {
  test('does not believe a sync that was asked for before an earlier one failed', async () => {
    const gate = Promise.withResolvers<void>()
    const log: string[] = []
    const logSync = new LogSync({
      othersVersion: new OthersVersion(new Database(':memory:') as SqlDatabase),
      async sync() {
        log.push('sync')
        if (log.length === 1) await gate.promise
      },
      async emptyLog() {
        log.push('empty')
      },
      onRepaired: () => log.push('repaired'),
    })
    const first = logSync.flushed()
    logSync.noteCommit()
    const second = logSync.flushed()

    gate.reject(new Error('EIO'))

    await expect(first).rejects.toMatchObject({ code: 'unknown' })
    await second
    expect(log).toEqual(['sync', 'empty', 'sync', 'repaired'])
    expect(logSync.admission()).toBeUndefined()
  })
})
