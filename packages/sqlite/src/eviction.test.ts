import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { TestBlob } from '@caskade/conformance'
import { makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageABC } from '@caskade/core'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileCostBytes } from './blob-files.ts'
import { SqliteStorage } from './index.ts'

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => rmSync(path, { recursive: true }))

async function commitAll(storage: StorageABC, blobs: readonly TestBlob[]): Promise<void> {
  await Promise.all(blobs.map((blob) => storage.commitWrite(blob.digest, sourceOf(blob))))
}

async function countOf(storage: StorageABC): Promise<number> {
  return (await Array.fromAsync(storage.listBlobs())).length
}

describe('eviction', () => {
  test.each([1, 10])(
    'for concurrent writes takes what they need, when removing a file takes %i turns',
    async (turns) => {
      const size = 20_000
      const unlink = async (name: string): Promise<void> => {
        for (let turn = 0; turn < turns; turn++) await setImmediate()
        await nodeFiles.unlink(name)
      }
      await using storage = new SqliteStorage({
        path,
        maxBytes: 100 * fileCostBytes(size),
        files: { ...nodeFiles, unlink },
      })
      await storage.start()
      await commitAll(storage, makeBlobs(100, size))

      await commitAll(storage, makeBlobs(40, size, 1000))

      expect(await countOf(storage)).toBe(100)
    },
  )
})
