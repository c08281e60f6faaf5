import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileErrno, FileFault, FileOperation, TestBlob } from '@caskade/conformance'
import { FaultyFiles, makeBlob, sourceOf } from '@caskade/conformance'
import type { ActionCacheABC, StorageABC } from '@caskade/core'
import { onStorageEvent, startAll, stopAll, StorageError } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fsBackend, FsStorage } from './index.ts'

const SMALL = makeBlob(1, 1000)
const LARGE = makeBlob(2, 500_000)

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(() => rmSync(path, { recursive: true }))

type Use = (storage: StorageABC, setFailing: (isFailing: boolean) => void, actionCache: ActionCacheABC) => Promise<void>

/** Runs a backend whose files fail as planned once they are told to; they need not. */
async function withFaults(fault: FileFault, use: Use): Promise<number> {
  let isOn = false
  const files = new FaultyFiles(nodeFiles, [{ ...fault, isOn: () => isOn }])
  const { storage, actionCache } = fsBackend({ path, files, accessGranularityMs: 0 })
  await startAll([storage, actionCache])
  try {
    await use(storage, (isFailing) => (isOn = isFailing), actionCache)
    return files.failures
  } finally {
    isOn = false
    await stopAll([storage, actionCache])
  }
}

function commit(storage: StorageABC, blob: TestBlob): Promise<void> {
  return storage.commitWrite(blob.digest, sourceOf(blob))
}

async function expectWhole(storage: StorageABC, { digest, bytes }: TestBlob): Promise<void> {
  const reader = await storage.getBlob(digest)
  expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), bytes)).toBe(0)
}

function storedFiles(): string[] {
  const entries = readdirSync(join(path, 'cas'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

const CODES: readonly (readonly [FileErrno, string])[] = [
  ['ENOSPC', 'no-space'],
  ['EDQUOT', 'no-space'],
  ['EACCES', 'permission-denied'],
  ['EROFS', 'permission-denied'],
  ['EMFILE', 'unavailable'],
  ['EIO', 'unknown'],
]

const WRITING: readonly FileOperation[] = [
  'createDirectory',
  'open',
  'write',
  'setModified',
  'sync',
  'link',
  'stat',
  'syncDirectory',
]

describe('a write that fails', () => {
  const faults = CODES.flatMap(([errno, code]) => WRITING.map((operation) => ({ errno, code, operation })))

  test.each(faults)('with $errno at $operation is $code, leaves nothing, and can be repeated', async (fault) => {
    const { errno, operation, code } = fault
    const failures = await withFaults({ errno, operation }, async (storage, setFailing) => {
      setFailing(true)
      await expect(commit(storage, LARGE)).rejects.toMatchObject({ name: 'StorageError', code })
      setFailing(false)
      expect(await storage.hasBlob(LARGE.digest)).toBe(false)
      expect(await Array.fromAsync(storage.listBlobs())).toEqual([])

      await commit(storage, LARGE)

      await expectWhole(storage, LARGE)
    })
    expect(failures).toBeGreaterThan(0)
    expect(storedFiles()).toEqual([LARGE.digest.hash])
    expect(readdirSync(join(path, 'tmp'))).toEqual([])
  })

  test.each(['torn', 'whole'] as const)(
    'when its content is %s leaves nothing, and can be repeated',
    async (effect) => {
      await withFaults(
        { errno: 'ENOSPC', operation: 'write', effect, path: /w\.\d+\.\d+$/ },
        async (storage, setFailing) => {
          setFailing(true)
          await expect(commit(storage, LARGE)).rejects.toMatchObject({ code: 'no-space' })
          setFailing(false)
          expect(await storage.hasBlob(LARGE.digest)).toBe(false)

          await commit(storage, LARGE)

          await expectWhole(storage, LARGE)
        },
      )
    },
  )

  test('at its nth operation, whichever it is, is never acknowledged or is there, and can be repeated', async () => {
    for (const effect of ['none', 'whole'] as const) {
      for (let nth = 1, failures = 1; failures > 0; nth++) {
        failures = await withFaults({ errno: 'EIO', nth, effect }, async (storage, setFailing) => {
          await storage.deleteBlob(SMALL.digest)
          setFailing(true)
          const outcome = await commit(storage, SMALL).then(
            () => 'stored',
            (error: unknown) => (StorageError.is(error) ? error.code : error),
          )
          setFailing(false)
          expect(['stored', 'unknown']).toContain(outcome)
          expect((await storage.hasBlob(SMALL.digest)) || outcome === 'unknown').toBe(true)

          await commit(storage, SMALL)

          await expectWhole(storage, SMALL)
        })
      }
    }
  })
})

describe('a read that fails', () => {
  test.each(CODES)('with %s is %s, never absent', async (errno, code) => {
    for (const operation of ['open', 'read', 'stat'] as const) {
      for (const blob of [SMALL, LARGE]) {
        const failures = await withFaults({ errno, operation }, async (storage, setFailing) => {
          await commit(storage, blob)
          setFailing(true)
          const reading = async (): Promise<unknown> => (await storage.getBlob(blob.digest))?.bytes()
          await expect(reading()).rejects.toMatchObject({ name: 'StorageError', code })
          setFailing(false)

          expect(await storage.hasBlob(blob.digest)).toBe(true)
          await expectWhole(storage, blob)
        })
        expect(failures).toBeGreaterThan(0)
      }
    }
  })

  test.each(CODES)('with %s is %s when a large one cannot be held', async (errno, code) => {
    await withFaults({ errno, operation: 'link' }, async (storage, setFailing) => {
      await commit(storage, LARGE)
      setFailing(true)
      await expect(storage.getBlob(LARGE.digest)).rejects.toMatchObject({ name: 'StorageError', code })
      setFailing(false)

      await expectWhole(storage, LARGE)
    })
  })
})

test.each(CODES)('asking and listing with %s is %s, never absent', async (errno, code) => {
  await withFaults({ errno }, async (storage, setFailing, actionCache) => {
    const key = { namespace: 'n', key: 'k' }
    await commit(storage, SMALL)
    await actionCache.update(key, { bytes: new Uint8Array(3), references: [], metadata: {} })
    setFailing(true)

    const asking: readonly (() => Promise<unknown>)[] = [
      () => storage.hasBlob(SMALL.digest),
      () => storage.missingBlobs([SMALL.digest]),
      () => storage.resolveHash(SMALL.digest.hash),
      () => storage.checkBlob(SMALL.digest),
      () => storage.deleteBlob(SMALL.digest),
      () => Array.fromAsync(storage.listBlobs()),
      () => actionCache.get(key),
      () => actionCache.delete(key),
      () => Array.fromAsync(actionCache.list('n')),
      () => actionCache.update(key, { bytes: new Uint8Array(4), references: [], metadata: {} }),
    ]
    for (const ask of asking) await expect(ask()).rejects.toMatchObject({ name: 'StorageError', code })
    setFailing(false)

    expect(await storage.hasBlob(SMALL.digest)).toBe(true)
    expect((await actionCache.get(key))?.bytes).toHaveLength(3)
  })
})

test('an entry whose replacement fails at any operation is the old one or the new one', async () => {
  const key = { namespace: 'n', key: 'k' }
  const entryOf = (length: number): { bytes: Uint8Array; references: []; metadata: {} } => {
    return { bytes: new Uint8Array(length), references: [], metadata: {} }
  }
  for (let nth = 1, failures = 1; failures > 0; nth++) {
    failures = await withFaults({ errno: 'EIO', nth }, async (_, setFailing, actionCache) => {
      await actionCache.update(key, entryOf(1))
      setFailing(true)
      const outcome = await actionCache.update(key, entryOf(2)).catch((error: unknown) => error)
      setFailing(false)

      const found = (await actionCache.get(key))?.bytes.length

      expect(outcome === true ? [2] : [1, 2]).toContain(found)
    })
  }
})

test('a folder that must not be read cannot be started in, and can once it may', async () => {
  let isOn = true
  const files = new FaultyFiles(nodeFiles, [{ errno: 'EACCES', isOn: () => isOn }])
  const storage = new FsStorage({ path, files })

  await expect(storage.start()).rejects.toMatchObject({ name: 'StorageError', code: 'permission-denied' })
  isOn = false
  await storage.start()

  await commit(storage, SMALL)
  await expectWhole(storage, SMALL)
  await storage.stop()
})

test('a start that fails at any operation leaves no file open, and nothing that a later one does not deal with', async () => {
  for (let nth = 1, hasFailed = true; hasFailed; nth++) {
    const files = new FaultyFiles(nodeFiles, [{ errno: 'EIO', nth }])
    const open = new Set<string>()
    const watched: FileOperations = {
      ...methodsOf(files),
      async open(name, mode) {
        const file = await files.open(name, mode)
        const close = file.close.bind(file)
        open.add(name)
        file.close = async () => {
          open.delete(name)
          await close()
        }
        return file
      },
    }
    const storage = new FsStorage({ path, files: watched })
    const outcome = await storage.start().catch((error: unknown) => error)
    hasFailed = outcome !== undefined
    await storage.stop()

    expect(outcome === undefined || StorageError.is(outcome, 'unknown')).toBe(true)
    expect([...open]).toEqual([])
  }

  const storage = new FsStorage({ path })
  await storage.start()
  await commit(storage, SMALL)
  await expectWhole(storage, SMALL)
  await storage.stop()
  expect(readdirSync(join(path, 'tmp'))).toEqual([])
  expect(readdirSync(join(path, 'ledgers'))).toHaveLength(1)
})

/** The operations of an object, as properties of their own. */
function methodsOf(files: FileOperations): FileOperations {
  return {
    open: (name, mode) => files.open(name, mode),
    link: (from, to) => files.link(from, to),
    rename: (from, to) => files.rename(from, to),
    unlink: (name) => files.unlink(name),
    stat: (name) => files.stat(name),
    setModified: (name, timeUs) => files.setModified(name, timeUs),
    createDirectory: (name) => files.createDirectory(name),
    removeDirectory: (name) => files.removeDirectory(name),
    readDirectory: (name) => files.readDirectory(name),
    syncDirectory: (name) => files.syncDirectory(name),
  }
}

test('a use that cannot be recorded is told of, and harms nothing', async () => {
  const kinds: string[] = []
  const endListening = onStorageEvent(({ kind }) => kinds.push(kind))
  await withFaults({ errno: 'EROFS', operation: 'setModified' }, async (storage, setFailing) => {
    await commit(storage, SMALL)
    setFailing(true)

    await expectWhole(storage, SMALL)
    await commit(storage, SMALL)
    await storage.stop()
    await storage.start()

    await expectWhole(storage, SMALL)
  })
  endListening()

  expect(kinds).toEqual(['touch-failure', 'touch-failure', 'touch-failure'].slice(0, kinds.length))
  expect(kinds.length).toBeGreaterThan(0)
})
