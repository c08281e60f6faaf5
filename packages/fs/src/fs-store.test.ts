import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { ActionKey, StorageEvent } from '@caskade/core'
import { onStorageEvent, StorageError, WriteSession } from '@caskade/core'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { damageFile } from './folders.fixture.ts'
import { FsStorage } from './index.ts'
import { entryName, Layout, mayBeIn } from './layout.ts'
import { commitAll, keptOf, openStore, pathOf, setUsed } from './stores.fixture.ts'

let path: string
let events: StorageEvent[]
let endListening: () => void

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
  events = []
  endListening = onStorageEvent((event) => events.push(event))
})

afterEach(() => {
  endListening()
  rmSync(path, { recursive: true })
})

describe('starting', () => {
  test('in a folder of a newer version is refused, and leaves it alone', async () => {
    writeFileSync(join(path, 'format.json'), '{"format":"caskade-fs","version":99}')
    const storage = new FsStorage({ path })

    await expect(storage.start()).rejects.toMatchObject({ code: 'unsupported', message: /newer version/ })

    expect(readFileSync(join(path, 'format.json'), 'utf8')).toContain('99')
    expect(readdirSync(join(path, 'tmp'))).toEqual([])
  })

  test('in a folder whose version cannot be told is refused', async () => {
    writeFileSync(join(path, 'format.json'), 'x')

    await expect(new FsStorage({ path }).start()).rejects.toMatchObject({ code: 'unsupported' })
  })

  test('in a folder that cannot be used gives an error that names it', async () => {
    writeFileSync(join(path, 'file'), '')
    const storage = new FsStorage({ path: join(path, 'file', 'below') })

    await expect(storage.start()).rejects.toThrow(/file.below/)
    await expect(storage.start()).rejects.toThrow(StorageError)
  })

  test('looks at no blob before it serves', async () => {
    const blobs = makeBlobs(50, 100)
    await using first = await openStore({ path })
    await commitAll(first.storage, blobs)
    await first[Symbol.asyncDispose]()
    const seen: string[] = []
    const stat = async (file: string): Promise<Awaited<ReturnType<typeof nodeFiles.stat>>> => {
      seen.push(file)
      return nodeFiles.stat(file)
    }
    await using storage = new FsStorage({ path, files: { ...nodeFiles, stat, blocking: undefined } })

    await storage.start()

    expect(seen).toEqual([])
    expect(await storage.missingBlobs(blobs.map(({ digest }) => digest))).toEqual([])
  })
})

test('what others have put there is neither touched nor listed nor evicted', async () => {
  const blobs = makeBlobs(30, 10_000)
  const foreign = [
    'notes.txt',
    'cas/sha256/README',
    'cas/sha256/ab/note',
    'cas/md5/ab/abcdef',
    'ac/x.y/ab/entry',
    'ac/ab/entry',
    'tmp/mine',
    'tmp/00000000-0000-4000-8000-00000000000x/file',
    'ledgers/mine.ledger',
  ]
  for (const name of foreign) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), name)
  }
  const options = { path, maxBytes: 200_000, highWatermark: 0.5, lowWatermark: 0.2 }

  for (let round = 0; round < 2; round++) {
    await using opened = await openStore(options)
    await commitAll(opened.storage, blobs)
    expect((await keptOf(opened.storage, blobs)).length).toBeLessThan(20)
    expect(await Array.fromAsync(opened.actionCache.list(''))).toEqual([])
  }

  expect(foreign.map((name) => readFileSync(join(path, name), 'utf8'))).toEqual(foreign)
})

describe('a blob that is damaged', () => {
  test.each(['hasBlob', 'getBlob', 'missingBlobs', 'commitWrite', 'deleteBlob', 'checkBlob'] as const)(
    'by truncation is dropped and told of by %s, and can be stored again',
    async (method) => {
      await using opened = await openStore({ path })
      const { storage } = opened
      for (const size of [1000, 1_000_000]) {
        const blob = makeBlob(size, size)
        await commitAll(storage, [blob])
        damageFile(pathOf(path, blob), 'truncate')

        const asking: Promise<unknown> = {
          hasBlob: () => storage.hasBlob(blob.digest),
          getBlob: () => storage.getBlob(blob.digest),
          missingBlobs: () => storage.missingBlobs([blob.digest]),
          commitWrite: () => storage.commitWrite(blob.digest, sourceOf(blob)),
          deleteBlob: () => storage.deleteBlob(blob.digest),
          checkBlob: () => storage.checkBlob(blob.digest),
        }[method]()
        const outcome = await asking.catch((error: unknown) => error)

        expect(events.map(({ kind, digest }) => [kind, digest?.hash])).toEqual([['corrupt', blob.digest.hash]])
        events = []
        expect(StorageError.is(outcome, 'corrupt')).toBe(method === 'getBlob')
        expect(outcome === 'damaged').toBe(method === 'checkBlob')
        await commitAll(storage, [blob])
        expect(await storage.checkBlob(blob.digest)).toBe('whole')
      }
    },
  )

  test('in a single bit is found by a check, which drops it and counts as no use of those that are whole', async () => {
    await using opened = await openStore({ path, accessGranularityMs: 0 })
    const { storage } = opened
    for (const size of [1000, 1_000_000]) {
      const [whole, damaged] = [makeBlob(1, size), makeBlob(2, size)]
      await commitAll(storage, [whole, damaged])
      damageFile(pathOf(path, damaged), 'flip-bit')
      setUsed(path, whole, 1_000_000)

      expect(await storage.checkBlob(whole.digest)).toBe('whole')
      expect(await storage.checkBlob(damaged.digest)).toBe('damaged')
      expect(await storage.checkBlob(damaged.digest)).toBe('absent')
      await opened.store.running.accessLog.flush()

      expect(statSync(pathOf(path, whole)).mtimeMs).toBeCloseTo(1_000_000, 0)
      expect(existsSync(pathOf(path, damaged))).toBe(false)
      expect(opened.store.running.accounts.usedBytes).toBeGreaterThan(size)
    }
  })
})

test('a blob that is asked for with another size is absent, stays, and is hashed once', async () => {
  let reads = 0
  const files: typeof nodeFiles = {
    ...nodeFiles,
    blocking: undefined,
    async open(name, mode) {
      const file = await nodeFiles.open(name, mode)
      if (!name.includes('/cas/')) return file
      const read = file.read.bind(file)
      file.read = async (buffer, position) => {
        reads += 1
        return read(buffer, position)
      }
      return file
    },
  }
  await using opened = await openStore({ path, files })
  const { storage } = opened
  const blob = makeBlob(1, 1000)
  await commitAll(storage, [blob])

  for (let time = 0; time < 5; time++) {
    for (const sizeBytes of [0, 999, 1001]) {
      const wrong = { ...blob.digest, sizeBytes }
      expect(await storage.hasBlob(wrong)).toBe(false)
      expect(await storage.getBlob(wrong)).toBe(null)
      expect(await storage.checkBlob(wrong)).toBe('absent')
      await storage.deleteBlob(wrong)
    }
  }

  expect(reads).toBe(2)
  expect(events).toEqual([])
  expect(await storage.checkBlob(blob.digest)).toBe('whole')
})

test('the file of a source is shared, not copied, and outlives the source', async () => {
  const blob = makeBlob(1, 3_000_000)
  await using opened = await openStore({ path: join(path, 'store') })
  {
    await using session = new WriteSession({ directory: path })
    await session.write(blob.bytes)
    const digest = await session.finish()
    await opened.storage.commitWrite(digest, session)
    expect(statSync(session.filePath ?? '').ino).toBe(statSync(pathOf(join(path, 'store'), blob)).ino)
  }

  expect(await opened.storage.checkBlob(blob.digest)).toBe('whole')
})

test('a source file of another size than it says is refused', async () => {
  const blob = makeBlob(1, 100_000)
  writeFileSync(join(path, 'source'), blob.bytes.subarray(1))
  await using opened = await openStore({ path: join(path, 'store') })
  const source = { ...sourceOf(blob), filePath: join(path, 'source') }

  await expect(opened.storage.commitWrite(blob.digest, source)).rejects.toMatchObject({ code: 'invalid-argument' })

  expect(await opened.storage.hasBlob(blob.digest)).toBe(false)
  expect(opened.store.running.accounts.usedBytes).toBe(0)
})

test.each([5000, 100_000, 1_000_000])('with a quota of %i bytes, it says how large a blob can be', async (maxBytes) => {
  await using opened = await openStore({ path, maxBytes })
  const { storage } = opened
  const most = makeBlob(1, storage.maxBlobBytes)
  const more = makeBlob(1, storage.maxBlobBytes + 1)

  await storage.commitWrite(most.digest, sourceOf(most))
  const committing = storage.commitWrite(more.digest, sourceOf(more))
  await expect(committing).rejects.toMatchObject({ code: 'too-large' })
})

describe('entries', () => {
  const entry = { bytes: Buffer.from('value'), references: [], metadata: {} }

  test('are told apart whatever their names, and listed by the beginning of their namespace', async () => {
    const namespaces = ['a', 'A', 'a.b', 'a/../b', '..', 'ab', 'é'.repeat(500), 'é'.repeat(501), `a${'x'.repeat(1000)}`]
    const keys: ActionKey[] = namespaces.flatMap((namespace) => ['k', 'K'].map((key) => ({ namespace, key })))
    await using opened = await openStore({ path })
    const { actionCache } = opened
    for (const key of keys) await actionCache.update(key, { ...entry, metadata: { ...key } })

    for (const key of keys) expect((await actionCache.get(key))?.metadata).toEqual(key)
    for (const prefix of ['', 'a', 'a.', 'é', 'é'.repeat(501), 'ax', `a${'x'.repeat(300)}`, 'b']) {
      const listed = await Array.fromAsync(actionCache.list(prefix), ({ key }) => `${key.namespace} ${key.key}`)
      const expected = keys.filter(({ namespace }) => namespace.startsWith(prefix))
      expect(listed.toSorted()).toEqual(expected.map(({ namespace, key }) => `${namespace} ${key}`).toSorted())
    }
    expect(keys.map(entryName).every((name) => /^ac\.[\da-z_%~-]{1,133}\.[\da-f]{64}$/.test(name))).toBe(true)
    expect(mayBeIn(entryName({ namespace: 'b', key: 'k' }), 'a')).toBe(false)
  })

  test.each(['flip-bit', 'truncate'] as const)(
    'whose file is damaged (%s) are absent, told of, and dropped',
    async (how) => {
      await using opened = await openStore({ path })
      const key = { namespace: 'n', key: 'k' }
      await opened.actionCache.update(key, entry)
      damageFile(new Layout(path).pathOf(entryName(key)), how)

      expect(await opened.actionCache.get(key)).toBe(null)

      expect(events.map(({ kind }) => kind)).toEqual(['corrupt'])
      expect(existsSync(new Layout(path).pathOf(entryName(key)))).toBe(false)
      expect(await opened.actionCache.update(key, entry, { ifAbsent: true })).toBe(true)
    },
  )
})

test('a use is recorded as the time at which the file was modified, at most once in each granularity', async () => {
  let nowMs = 1_700_000_000_000
  await using opened = await openStore({ path, accessGranularityMs: 30_000, now: () => nowMs })
  const { storage, store } = opened
  const blob = makeBlob(1, 100)
  await commitAll(storage, [blob])
  const recorded = async (): Promise<number> => {
    await store.running.accessLog.flush()
    return Math.round(statSync(pathOf(path, blob)).mtimeMs)
  }

  expect(await recorded()).toBe(nowMs)
  nowMs += 29_000
  await storage.hasBlob(blob.digest)
  expect(await recorded()).toBe(nowMs - 29_000)
  nowMs += 2000
  await Array.fromAsync(storage.listBlobs())
  expect(await recorded()).toBe(nowMs - 31_000)
  await storage.hasBlob(blob.digest)
  expect(await recorded()).toBe(nowMs)
})
