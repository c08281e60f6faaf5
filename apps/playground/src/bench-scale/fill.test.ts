import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '@caskade/core'
import { getEntryBytes } from '@caskade/core'
import { fsBackend } from '@caskade/fs'
import { actionKey } from '@caskade/reapi'
import { sqliteBackend } from '@caskade/sqlite'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { encodeActionResult } from '../bench-server/grpc-requests.ts'
import { BlobSeries } from './blob-series.ts'
import { fillStore } from './fill.ts'
import { scaleSubjects } from './scale-subject.ts'

const BLOBS = 3000
const series = new BlobSeries(1)
const reopen = { fs: fsBackend, sqlite: sqliteBackend }
const stores = [...new Set(scaleSubjects.map(({ store }) => store))]

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caskade-bench-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

describe.each(stores.map((store) => [store.name, store] as const))('%s', (name, store) => {
  test('a store is filled with blobs and results, as whoever opens it then finds', async () => {
    await fillTo(BLOBS)

    await using backend = await opened()
    expect(await backend.storage.missingBlobs(digests(BLOBS))).toEqual([])
    const outcome = series.outcome(59)
    const entry = await getEntryBytes(backend, actionKey('', outcome.action.digest), { maxBytes: 10_000 })
    expect(Buffer.from(entry?.bytes ?? [])).toEqual(Buffer.from(encodeActionResult(outcome)))
    const known = series.blob(7)
    expect(Buffer.from((await (await backend.storage.getBlob(known.digest))?.bytes()) ?? [])).toEqual(known.bytes)
  })

  test('what is there was last used an hour ago', async () => {
    await fillTo(10)

    await using backend = await opened()
    const ages: number[] = []
    for await (const { lastAccessMs = Number.NaN } of backend.storage.listBlobs()) ages.push(Date.now() - lastAccessMs)
    expect(ages).toHaveLength(10)
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(3_599_000)
  })

  test('filling goes on where it was broken off', async () => {
    const stopping = new AbortController()
    const reason = new Error('enough')
    const filling = fillTo(BLOBS, { signal: stopping.signal, onProgress: () => stopping.abort(reason) })
    await expect(filling).rejects.toBe(reason)

    const told: number[] = []
    await fillTo(BLOBS, { onProgress: (blobs) => told.push(blobs) })

    expect(told).toEqual([BLOBS])
    await using backend = await opened()
    expect(await backend.storage.missingBlobs(digests(BLOBS))).toEqual([])
  })

  test('a store of another seed is left alone', async () => {
    await fillTo(10)

    await expect(fillTo(20, { seed: 2 })).rejects.toThrow('was filled with seed 1')
  })

  function fillTo(blobs: number, options: Partial<Parameters<typeof fillStore>[2]> = {}): Promise<void> {
    const { signal } = new AbortController()
    return fillStore(folder, () => store.open(folder), { series, seed: 1, blobs, signal, ...options })
  }

  async function opened(): Promise<Backend & AsyncDisposable> {
    const path = join(folder, 'store')
    expect(existsSync(path)).toBe(true)
    const { storage, actionCache } = reopen[name]({ path })
    await storage.start()
    await actionCache.start()
    return {
      storage,
      actionCache,
      async [Symbol.asyncDispose]() {
        await actionCache.stop()
        await storage.stop()
      },
    }
  }
})

function digests(count: number): ReturnType<BlobSeries['digest']>[] {
  return Array.from({ length: count }, (_, number) => series.digest(number))
}
