import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { FileErrno, FileFault, FileOperation, TestBlob } from '@caskade/conformance'
import { FaultyFiles, makeBlob, sourceOf } from '@caskade/conformance'
import type { StorageABC } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStorage } from './index.ts'

const ROW = makeBlob(1, 1000)
const FILE = makeBlob(2, 50_000)
const LARGE_FILE = makeBlob(3, 500_000)

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => rmSync(path, { recursive: true }))

/** Runs a storage whose files fail as planned once they are told to. */
async function withFaults(
  fault: FileFault,
  use: (storage: StorageABC, setFailing: (isFailing: boolean) => void) => Promise<void>,
): Promise<void> {
  let isOn = false
  const files = new FaultyFiles(nodeFiles, [{ ...fault, isOn: () => isOn }])
  const storage = new SqliteStorage({ path, files })
  await storage.start()
  try {
    await use(storage, (isFailing) => (isOn = isFailing))
    expect(files.failures).toBeGreaterThan(0)
  } finally {
    isOn = false
    await storage.stop()
  }
}

function commit(storage: StorageABC, blob: TestBlob): Promise<void> {
  return storage.commitWrite(blob.digest, sourceOf(blob))
}

async function expectWhole(storage: StorageABC, { digest, bytes }: TestBlob): Promise<void> {
  const reader = await storage.getBlob(digest)
  expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), bytes)).toBe(0)
}

const CODES: readonly (readonly [FileErrno, string])[] = [
  ['ENOSPC', 'no-space'],
  ['EDQUOT', 'no-space'],
  ['EACCES', 'permission-denied'],
  ['EROFS', 'permission-denied'],
  ['EMFILE', 'unavailable'],
  ['EIO', 'unknown'],
]

const WRITING: readonly FileOperation[] = ['createDirectory', 'open', 'write', 'sync', 'syncDirectory']

describe('a write that fails', () => {
  const faults = CODES.flatMap(([errno, code]) => WRITING.map((operation) => ({ errno, code, operation })))

  test.each(faults)('with $errno at $operation is $code, leaves nothing, and can be repeated', async (fault) => {
    const { errno, operation, code } = fault
    await withFaults({ errno, operation, path: /files/ }, async (storage, setFailing) => {
      setFailing(true)
      await expect(commit(storage, FILE)).rejects.toMatchObject({ name: 'StorageError', code })
      setFailing(false)
      expect(await storage.hasBlob(FILE.digest)).toBe(false)
      expect(await Array.fromAsync(storage.listBlobs())).toEqual([])

      await commit(storage, FILE)

      await expectWhole(storage, FILE)
    })
    const names = readdirSync(join(path, 'files'), { recursive: true, withFileTypes: true })
    expect(names.filter((entry) => entry.isFile())).toHaveLength(1)
  })

  test.each(['torn', 'whole'] as const)(
    'when its content is %s leaves nothing, and can be repeated',
    async (effect) => {
      const fault: FileFault = { errno: 'ENOSPC', operation: 'write', effect, path: /files/ }
      await withFaults(fault, async (storage, setFailing) => {
        setFailing(true)
        await expect(commit(storage, FILE)).rejects.toMatchObject({ code: 'no-space' })
        setFailing(false)
        expect(await storage.hasBlob(FILE.digest)).toBe(false)

        await commit(storage, FILE)

        await expectWhole(storage, FILE)
      })
    },
  )

  test('to sync the log is not acknowledged', async () => {
    await withFaults({ errno: 'EIO', operation: 'sync', path: /-wal$/ }, async (storage, setFailing) => {
      setFailing(true)
      await expect(commit(storage, ROW)).rejects.toMatchObject({ name: 'StorageError', code: 'unknown' })
      await expect(commit(storage, ROW)).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' })
      setFailing(false)

      await commit(storage, ROW)

      await expectWhole(storage, ROW)
    })
  })
})

describe('a read that fails', () => {
  test.each(CODES)('with %s is %s, never absent', async (errno, code) => {
    for (const [operation, blob] of [
      ['open', FILE],
      ['read', FILE],
      ['open', LARGE_FILE],
      ['read', LARGE_FILE],
      ['stat', LARGE_FILE],
    ] as const) {
      await withFaults({ errno, operation }, async (storage, setFailing) => {
        await commit(storage, blob)
        setFailing(true)
        const reading = async (): Promise<unknown> => (await storage.getBlob(blob.digest))?.bytes()
        await expect(reading()).rejects.toMatchObject({ name: 'StorageError', code })
        setFailing(false)

        expect(await storage.hasBlob(blob.digest)).toBe(true)
        await expectWhole(storage, blob)
      })
    }
  })
})

test('a folder that must not be read cannot be started in, and can once it may', async () => {
  let isOn = true
  const files = new FaultyFiles(nodeFiles, [{ errno: 'EACCES', isOn: () => isOn }])
  const storage = new SqliteStorage({ path, files })

  await expect(storage.start()).rejects.toMatchObject({ name: 'StorageError', code: 'permission-denied' })
  isOn = false

  await storage.start()
  await commit(storage, FILE)
  await storage.stop()
})

test('what another has committed is neither found nor acknowledged before it is synced', async () => {
  const gate = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const storage = new SqliteStorage({ path, files: syncingAfter(gate.promise, asked.resolve) })
  await storage.start()
  const outcomes: string[] = []
  const first = commit(storage, ROW).then(() => outcomes.push('first'))
  await asked.promise

  const found = storage.hasBlob(ROW.digest).then((isThere) => outcomes.push(isThere ? 'found' : 'not found'))
  const second = commit(storage, ROW).then(() => outcomes.push('second'))
  await setImmediate()
  outcomes.push('synced')
  gate.resolve()
  await Promise.all([first, second, found])

  expect(outcomes[0]).toBe('synced')
  expect(outcomes.toSorted()).toEqual(['first', 'found', 'second', 'synced'])
  await storage.stop()
})

/** The real files, except that syncing the log waits. */
function syncingAfter(gate: Promise<void>, onAsked: () => void): FileOperations {
  return {
    ...nodeFiles,
    async open(name, mode) {
      const file = await nodeFiles.open(name, mode)
      if (!name.endsWith('-wal')) return file
      return {
        read: (buffer, position) => file.read(buffer, position),
        write: (buffers, position) => file.write(buffers, position),
        sizeBytes: () => file.sizeBytes(),
        stat: () => file.stat(),
        setModified: (timeUs) => file.setModified(timeUs),
        close: () => file.close(),
        async sync() {
          onAsked()
          await gate
          await file.sync()
        },
      }
    },
  }
}
