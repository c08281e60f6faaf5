import { existsSync, openSync, closeSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { checkFullDisk, makeBlob, sourceOf, withSmallDisk } from '@caskade/conformance'
import { isErrnoException } from '@caskade/core'
import { expect, test } from 'vitest'
import { SqliteStorage, sqliteBackend } from './index.ts'

const MIB = 1024 * 1024

/** Large enough for what a storage leaves free; most of it is filled beforehand. */
const DISK = { sizeBytes: 256 * MIB }

test('a full disk is no-space, loses nothing, and takes writes again once something was deleted', async () => {
  const isMounted = await withSmallDisk(DISK, async (directory) => {
    writeFileSync(join(directory, 'filler'), Buffer.alloc(170 * MIB))
    const path = join(directory, 'data')

    await checkFullDisk({
      directory: path,
      open: (folder) => sqliteBackend({ path: folder }),
      blobSizes: [200_000, 16_000],
    })

    expect(existsSync(path)).toBe(true)
  })

  expect(typeof isMounted).toBe('boolean')
})

test('a disk that others filled to the last block is no-space, even for deleting, until they make room', async () => {
  const [row, file] = [makeBlob(1, 1000), makeBlob(2, 50_000)]
  const isMounted = await withSmallDisk(DISK, async (directory) => {
    const storage = new SqliteStorage({ path: join(directory, 'data') })
    await storage.start()
    for (const blob of [row, file]) await storage.commitWrite(blob.digest, sourceOf(blob))
    fillDisk(join(directory, 'filler'))

    const other = makeBlob(3, 1000)
    await expect(storage.commitWrite(other.digest, sourceOf(other))).rejects.toMatchObject({ code: 'no-space' })
    await expect(storage.deleteBlob(row.digest)).rejects.toMatchObject({ name: 'StorageError', code: 'no-space' })
    for (const { digest, bytes } of [row, file]) {
      const reader = await storage.getBlob(digest)
      expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), bytes)).toBe(0)
    }

    unlinkSync(join(directory, 'filler'))
    await storage.commitWrite(other.digest, sourceOf(other))
    await storage.deleteBlob(row.digest)
    expect(await storage.missingBlobs([row.digest, file.digest, other.digest])).toEqual([row.digest])
    await storage.stop()
  })

  expect(typeof isMounted).toBe('boolean')
})

/** Writes a file until not one block is left. */
function fillDisk(path: string): void {
  const descriptor = openSync(path, 'w')
  try {
    for (let chunk = Buffer.alloc(MIB); ;) {
      try {
        while (writeSync(descriptor, chunk) === chunk.byteLength) continue
      } catch (error) {
        if (!isErrnoException(error, 'ENOSPC')) throw error
      }
      if (chunk.byteLength === 1) return
      chunk = chunk.subarray(0, chunk.byteLength === MIB ? 4096 : 1)
    }
  } finally {
    closeSync(descriptor)
  }
}
