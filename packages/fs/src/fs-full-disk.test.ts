import { closeSync, openSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { checkFullDisk, makeBlob, sourceOf, withSmallDisk } from '@caskade/conformance'
import { isErrnoException } from '@caskade/core'
import { expect, test } from 'vitest'
import { fsBackend, FsStorage } from './index.ts'

const MIB = 1024 * 1024

const DISK = { sizeBytes: 64 * MIB }

test('a full disk is no-space, loses nothing, and takes writes again once something was deleted', async () => {
  const isMounted = await withSmallDisk(DISK, async (directory) => {
    writeFileSync(join(directory, 'filler'), Buffer.alloc(40 * MIB))

    await checkFullDisk({
      directory: join(directory, 'data'),
      open: (path) => fsBackend({ path }),
      blobSizes: [200_000, 16_000],
    })
  })

  expect(typeof isMounted).toBe('boolean')
})

test('on a disk that others filled to the last block, reading and deleting go on, and writing does once there is room', async () => {
  const [first, second] = [makeBlob(1, 1000), makeBlob(2, 500_000)]
  const isMounted = await withSmallDisk(DISK, async (directory) => {
    const storage = new FsStorage({ path: join(directory, 'data') })
    await storage.start()
    for (const blob of [first, second]) await storage.commitWrite(blob.digest, sourceOf(blob))
    fillDisk(join(directory, 'filler'))

    const other = makeBlob(3, 300_000)
    await expect(storage.commitWrite(other.digest, sourceOf(other))).rejects.toMatchObject({ code: 'no-space' })
    for (const { digest, bytes } of [first, second]) {
      const reader = await storage.getBlob(digest)
      expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), bytes)).toBe(0)
    }
    await storage.deleteBlob(second.digest)
    await storage.commitWrite(other.digest, sourceOf(other))
    expect(await storage.missingBlobs([first.digest, second.digest, other.digest])).toEqual([second.digest])

    await storage.stop()
    unlinkSync(join(directory, 'filler'))
    await storage.start()
    await storage.commitWrite(second.digest, sourceOf(second))
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
