import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestBlob } from '@caskade/conformance'
import { makeBlobs } from '@caskade/conformance'
import type { Digest } from '@caskade/core'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FsStorage } from './index.ts'
import { blockingLooks, waitUntilSteady } from './looks.fixture.ts'
import { commitAll, pathOf } from './stores.fixture.ts'

let path: string
let storage: FsStorage
/** The folders that it syncs. */
let synced: string[]

function syncDirectory(folder: string): Promise<void> {
  synced.push(folder)
  return nodeFiles.syncDirectory(folder)
}

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
  synced = []
  storage = new FsStorage({ path, files: { ...nodeFiles, blocking: blockingLooks(), syncDirectory } })
  await storage.start()
})

afterEach(async () => {
  await storage.stop()
  rmSync(path, { recursive: true })
})

/** Stores blobs and finds them, so that all of their names are synced. */
async function storeAndSync(blobs: readonly TestBlob[]): Promise<Digest[]> {
  await commitAll(storage, blobs)
  const digests = blobs.map(({ digest }) => digest)
  waitUntilSteady(path)
  expect(await storage.missingBlobs(digests)).toEqual([])
  waitUntilSteady(path)
  synced = []
  return digests
}

describe('missingBlobs, of files that were changed a moment ago', () => {
  test('syncs no folder for a use that was recorded', async () => {
    const digests = await storeAndSync(makeBlobs(20, 100))

    const now = new Date()
    for (const digest of digests) utimesSync(pathOf(path, { digest }), now, now)

    expect(await storage.missingBlobs(digests)).toEqual([])
    expect(synced).toEqual([])
  })

  test('syncs the folder of a name that is new', async () => {
    const [blob, ...others] = makeBlobs(5000, 10).filter(({ digest }) => digest.hash.startsWith('ab'))
    await storeAndSync(others)
    if (blob === undefined) return

    // As by a process that is about to sync it.
    writeFileSync(pathOf(path, blob), blob.bytes)
    waitUntilSteady(path)

    expect(await storage.missingBlobs([blob.digest])).toEqual([])
    expect(synced).toEqual([dirname(pathOf(path, blob))])
  })
})
