import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlobs } from '@caskade/conformance'
import { StorageError } from '@caskade/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStorage } from './index.ts'

const PAGE_BYTES = 4096

let path: string
let databasePath: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  databasePath = join(path, 'caskade.sqlite')
})

afterEach(() => rmSync(path, { recursive: true }))

const blobs = [...makeBlobs(300, 200), ...makeBlobs(100, 9000, 1000)]

async function fill(): Promise<void> {
  await using storage = new SqliteStorage({ path })
  await storage.start()
  await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
}

/** Overwrites a page of the database file with what is no page. */
function damagePage(page: number): void {
  const file = openSync(databasePath, 'r+')
  writeSync(file, Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, page * PAGE_BYTES)
  closeSync(file)
}

/** Opens the database and reads all blobs; resolves to how each step ended, or to what is wrong about that. */
async function readAll(): Promise<string[]> {
  const storage = new SqliteStorage({ path })
  const outcomes: string[] = []
  const attempt = async (step: () => Promise<string>): Promise<void> => {
    outcomes.push(
      await step().catch((error: unknown) => (StorageError.is(error) ? error.code : `raw ${String(error)}`)),
    )
  }
  await attempt(async () => {
    await storage.start()
    return 'started'
  })
  if (outcomes[0] !== 'started') return outcomes
  for (const { digest, bytes } of blobs) {
    await attempt(async () => {
      const found = await (await storage.getBlob(digest))?.bytes()
      if (found === undefined) return 'absent'
      return Buffer.compare(found, bytes) === 0 ? 'right' : 'wrong'
    })
  }
  await storage.stop().catch(() => undefined)
  return outcomes
}

describe('a database file with a damaged page', () => {
  test('never leads to wrong content, and every failure says what it is', async () => {
    await fill()
    const pages = Math.floor(statSync(databasePath).size / PAGE_BYTES)
    const outcomes = new Set<string>()
    for (let page = 3; page < pages; page += 17) {
      rmSync(path, { recursive: true })
      await fill()
      damagePage(page)
      for (const outcome of await readAll()) outcomes.add(outcome)
    }

    expect([...outcomes].filter((outcome) => outcome === 'wrong' || outcome.startsWith('raw'))).toEqual([])
    expect([...outcomes]).toEqual(expect.arrayContaining(['right', 'corrupt', 'unknown']))
  })

  test('costs a bulk write those blobs alone that it has to do with, and a bulk read says what it is', async () => {
    await fill()
    const pages = Math.floor(statSync(databasePath).size / PAGE_BYTES)
    const others = makeBlobs(200, 150, 50_000).map(({ digest, bytes }) => [digest, bytes] as const)
    const digests = blobs.map(({ digest }) => digest)
    const outcomes: string[] = []
    for (let page = 3; page < pages; page += 37) {
      rmSync(path, { recursive: true })
      await fill()
      damagePage(page)
      const storage = new SqliteStorage({ path })
      try {
        await storage.start()
        const statuses = await storage.bulkUpdateBlobs(others)
        outcomes.push(...statuses.map(({ code }) => code))
        for (const read of [() => storage.missingBlobs(digests), () => storage.bulkReadBlobs(digests)]) {
          await read().catch((error: unknown) => outcomes.push(StorageError.is(error) ? error.code : 'raw'))
        }
      } catch (error) {
        outcomes.push(StorageError.is(error) ? `whole: ${error.code}` : 'raw')
      }
      await storage.stop().catch(() => undefined)
    }

    expect(outcomes).not.toContain('raw')
    expect(outcomes).toEqual(expect.arrayContaining(['ok', 'unknown']))
  })

  test('is found by a check of the database, which else finds nothing', async () => {
    await fill()
    await using storage = new SqliteStorage({ path })
    await storage.start()
    expect(await storage.checkIntegrity()).toEqual([])
    await storage.stop()
    damagePage(12)
    await storage.start()

    const problems = await storage.checkIntegrity().catch((error: unknown) => [error])

    expect(problems.length).toBeGreaterThan(0)
  })

  test('is found when what is counted is not what is stored', async () => {
    await fill()
    const database = new Database(databasePath)
    database.exec('UPDATE usage SET used_bytes = used_bytes + 1')
    database.close()
    await using storage = new SqliteStorage({ path })
    await storage.start()

    expect(await storage.checkIntegrity()).toEqual([expect.stringMatching(/the quota counts \d+ bytes/)])
  })

  test('can be checked no further than until it is aborted', async () => {
    await using storage = new SqliteStorage({ path })
    await storage.start()
    const reason = new Error('enough')

    await expect(storage.checkIntegrity({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
