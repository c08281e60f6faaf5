import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tmpdir } from 'node:os'
import { makeBlob, sourceOf } from '@caskade/conformance'
import type { ActionCacheABC, ActionKey, StorageABC } from '@caskade/core'
import { startAll, stopAll } from '@caskade/core'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fsBackend } from './index.ts'
import { blobName, entryName, Layout } from './layout.ts'

const BLOB = makeBlob(1, 1000)
const KEY: ActionKey = { namespace: 'n', key: 'k' }

let path: string
let storage: StorageABC
let actionCache: ActionCacheABC

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(async () => {
  await stopAll([storage, actionCache])
  rmSync(path, { recursive: true })
})

/** Stores a blob and an entry, and puts a file in the place of their folders, or of the folders above those. */
async function openReplaced(folders: 'buckets' | 'areas', isQuick: boolean): Promise<void> {
  const backend = fsBackend({ path, files: isQuick ? nodeFiles : { ...nodeFiles, blocking: undefined } })
  storage = backend.storage
  actionCache = backend.actionCache
  await startAll([storage, actionCache])
  await storage.commitWrite(BLOB.digest, sourceOf(BLOB))
  await actionCache.update(KEY, { bytes: Buffer.of(1), references: [BLOB.digest], metadata: {} })
  const layout = new Layout(path)
  for (const name of [blobName(BLOB.digest), entryName(KEY)]) {
    const folder = folders === 'buckets' ? layout.folderOf(name) : dirname(layout.folderOf(name))
    rmSync(folder, { recursive: true })
    writeFileSync(folder, '')
  }
}

describe.each([true, false])('a folder that a file has replaced, read on the event loop: %s', (isQuick) => {
  test.each(['buckets', 'areas'] as const)(
    'is an error to whoever asks for what was in it, and never absence: %s',
    async (folders) => {
      await openReplaced(folders, isQuick)

      const unknown = { name: 'StorageError', code: 'unknown', message: /ENOTDIR/ }
      await expect(storage.hasBlob(BLOB.digest)).rejects.toMatchObject(unknown)
      await expect(storage.getBlob(BLOB.digest)).rejects.toMatchObject(unknown)
      await expect(storage.missingBlobs([BLOB.digest])).rejects.toMatchObject(unknown)
      await expect(actionCache.get(KEY)).rejects.toMatchObject(unknown)
      const read = await storage.bulkReadBlobs([BLOB.digest]).catch((error: unknown) => error)
      expect(read).toMatchObject(unknown)
    },
  )
})
