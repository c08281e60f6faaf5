import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestBlob } from '@caskade/conformance'
import { makeBlobs, sourceOf } from '@caskade/conformance'
import type { Digest } from '@caskade/core'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FsStorage } from './index.ts'
import { blobName, Layout } from './layout.ts'

let path: string
let storage: FsStorage
/** The folders that it syncs. */
let synced: string[]

function syncDirectory(folder: string): Promise<void> {
  synced.push(folder)
  return nodeFiles.syncDirectory(folder)
}

/** Looks at files on the event loop however long that takes. */
const blocking = {
  stat: (file: string) => nodeFiles.blocking?.stat(file) ?? null,
  read(): never {
    throw new Error('nothing is read here')
  },
}

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
  synced = []
  storage = new FsStorage({ path, files: { ...nodeFiles, blocking, syncDirectory } })
  await storage.start()
})

afterEach(async () => {
  await storage.stop()
  rmSync(path, { recursive: true })
})

function pathOf(digest: Digest): string {
  return new Layout(path).pathOf(blobName(digest))
}

/** Stores blobs and finds them, so that all of their names are synced. */
async function storeAndSync(blobs: readonly TestBlob[]): Promise<Digest[]> {
  for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))
  const digests = blobs.map(({ digest }) => digest)
  untilSteady()
  expect(await storage.missingBlobs(digests)).toEqual([])
  untilSteady()
  synced = []
  return digests
}

/** Works on until the last changes of the folders are past, by the clock that their times come from. */
function untilSteady(): void {
  const startedMs = Date.now()
  while (Date.now() - startedMs <= 30) writeFileSync(join(path, 'clock'), '')
}

describe('missingBlobs, of files that were changed a moment ago', () => {
  test('syncs no folder for a use that was recorded', async () => {
    const digests = await storeAndSync(makeBlobs(20, 100))

    const now = new Date()
    for (const digest of digests) utimesSync(pathOf(digest), now, now)

    expect(await storage.missingBlobs(digests)).toEqual([])
    expect(synced).toEqual([])
  })

  test('syncs the folder of a name that is new', async () => {
    const [blob, ...others] = makeBlobs(5000, 10).filter(({ digest }) => digest.hash.startsWith('ab'))
    await storeAndSync(others)
    if (blob === undefined) return

    // As by a process that is about to sync it.
    writeFileSync(pathOf(blob.digest), blob.bytes)
    untilSteady()

    expect(await storage.missingBlobs([blob.digest])).toEqual([])
    expect(synced).toEqual([dirname(pathOf(blob.digest))])
  })
})
