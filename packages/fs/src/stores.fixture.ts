import { readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import type { TestBlob } from '@caskade/conformance'
import { sourceOf } from '@caskade/conformance'
import type { StorageABC } from '@caskade/core'
import { fileCostBytes } from '@caskade/core/files'
import { FsActionCache } from './fs-action-cache.ts'
import type { FsOptions } from './fs-options.ts'
import { FsStorage } from './fs-storage.ts'
import { FsStore } from './fs-store.ts'
import { blobName, Layout } from './layout.ts'

/** Both halves of a backend, and what is behind them. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: FsStore
  readonly storage: FsStorage
  readonly actionCache: FsActionCache
}

/** Starts a backend and waits until it has dealt with what others left. */
export async function openStore(options: FsOptions): Promise<OpenedStore> {
  const store = new FsStore(options)
  const storage = new FsStorage(options, store)
  const actionCache = new FsActionCache(options, store)
  await storage.start()
  await actionCache.start()
  await store.settled
  return {
    store,
    storage,
    actionCache,
    [Symbol.asyncDispose]: async () => {
      await actionCache.stop()
      await storage.stop()
    },
  }
}

/** Stores blobs one after the other. */
export async function commitAll(storage: StorageABC, blobs: readonly TestBlob[]): Promise<void> {
  for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))
}

/** Which of the blobs are listed, by their place among them. */
export async function keptOf(storage: StorageABC, blobs: readonly TestBlob[]): Promise<number[]> {
  const kept = new Set(await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest.hash))
  return blobs.flatMap(({ digest }, index) => (kept.has(digest.hash) ? [index] : []))
}

/** The path of the file of a blob. */
export function pathOf(folder: string, { digest }: Pick<TestBlob, 'digest'>): string {
  return new Layout(folder).pathOf(blobName(digest))
}

/** What the files in a folder come to in the quota, those in temporary folders included, each file once. */
export function costOnDisk(folder: string): number {
  let bytes = 0
  const seen = new Set<number>()
  for (const area of ['cas', 'ac', 'tmp']) {
    for (const entry of readdirSync(join(folder, area), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.endsWith('.owner')) continue
      const stat = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })
      // Removed meanwhile.
      if (stat === undefined) continue
      if (!seen.has(stat.ino)) bytes += fileCostBytes(stat.size)
      seen.add(stat.ino)
    }
  }
  return bytes
}

/** Has a blob look as if it was last used at some time, in milliseconds since 1970. */
export function setUsed(folder: string, blob: TestBlob, timeMs: number): void {
  utimesSync(pathOf(folder, blob), timeMs / 1000, timeMs / 1000)
}
