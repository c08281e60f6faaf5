import type { ActionCacheHarness, StorageHarness } from '@caskade/conformance'
import { actionCacheCases, runActionCacheCase, runStorageCase, storageCases } from '@caskade/conformance'
import { describe, expect, test } from 'vitest'
import { endFake, overNewFake } from './fake-buckets.fixture.ts'
import type { GcsOptions } from './index.ts'
import { GcsActionCache, GcsStorage } from './index.ts'
import type { FakeFault, FakeRequest } from './testing/index.ts'
import { firstTime } from './testing/index.ts'

/** What every request meets with the first time that it is made. */
const faults: Readonly<Record<string, (request: FakeRequest) => FakeFault>> = {
  'is refused with 503': () => ({ type: 'status', status: 503 }),
  'loses its connection': () => ({ type: 'reset' }),
  'loses its connection after it took effect': () => ({ type: 'reset-after' }),
  'has an answer that breaks off': ({ kind }) =>
    kind === 'delete' ? { type: 'reset-after' } : { type: 'break-body', afterBytes: 10 },
}

// Nothing waits: what is tried here is whether requests are repeated, and rightly.
const options: Omit<GcsOptions, 'bucket'> = { wait: async () => undefined }

/** Cases that make no requests, and cases that give them up at a hundred moments, tell nothing more here. */
const LEFT_OUT = /^(abort|hygiene|lifecycle|digest functions|length|bulk|missingBlobs: answers)/

describe.each(Object.entries(faults))('where every request %s once', (name, faultFor) => {
  const isBroken = name.includes('breaks off')
  const storages: StorageHarness = {
    create: () => overNewFake((made) => new GcsStorage(made), { ...options, plan: firstTime(faultFor) }),
    destroy: endFake,
    isRemote: true,
    // A body that has begun to be read and breaks off cannot go on once the blob is deleted, as some cases do.
    blobSizes: isBroken ? [1, 60_000] : [1000, 300_000],
  }
  const actionCaches: ActionCacheHarness = {
    create: () => overNewFake((made) => new GcsActionCache(made), { ...options, plan: firstTime(faultFor) }),
    destroy: endFake,
  }

  test.each(storageCases.filter(isWanted))('GcsStorage: $name', async (storageCase) => {
    await expect(runStorageCase(storageCase, storages)).resolves.toBeUndefined()
  })

  test.each(actionCacheCases.filter(isWanted))('GcsActionCache: $name', async (actionCacheCase) => {
    await expect(runActionCacheCase(actionCacheCase, actionCaches)).resolves.toBeUndefined()
  })
})

describe('where every chunk of an upload loses its connection once', () => {
  const chunked = { maxSingleUploadBytes: 999, uploadChunkBytes: 262_144 }
  const plan = firstTime(({ kind }) =>
    kind === 'chunk' ? { type: 'reset-while-sending', afterBytes: 1 } : { type: 'reset' },
  )
  const storages: StorageHarness = {
    create: () => overNewFake((made) => new GcsStorage(made), { ...options, ...chunked, plan }),
    destroy: endFake,
    isRemote: true,
    blobSizes: [1000, 600_000],
  }

  test.each(storageCases.filter(isWanted))('GcsStorage: $name', async (storageCase) => {
    await expect(runStorageCase(storageCase, storages)).resolves.toBeUndefined()
  })
})

function isWanted({ name, needs }: { readonly name: string; readonly needs?: string | undefined }): boolean {
  return (needs === undefined || needs === 'no-empty-blob') && !LEFT_OUT.test(name)
}
