import { randomUUID } from 'node:crypto'
import { testActionCache, testStorage } from '@caskade/conformance'
import type { GcsOptions } from '@caskade/gcs'
import { afterAll, describe, test } from 'vitest'
import { startFakeGcsServer } from './support/fake-gcs-server.ts'
import { backendAt } from './support/gcs-bucket.ts'
import { isInstalled } from './support/run.ts'

const prefixes = new WeakMap<object, string>()

// An emulator by others: what both sides of the plain tests might have misunderstood in the same way shows here.
if (isInstalled('go')) {
  const emulator = await startFakeGcsServer()
  afterAll(() => emulator[Symbol.asyncDispose]())

  const inNewPlace = <Half extends object>(make: (options: Omit<GcsOptions, 'bucket'>) => Half): Half => {
    const prefix = `${randomUUID()}/`
    const half = make({ prefix })
    prefixes.set(half, prefix)
    return half
  }

  describe('fake-gcs-server', () => {
    testStorage({ describe, test }, 'GcsStorage', {
      create: () => inNewPlace((options) => backendAt(emulator.url, options).storage),
      reopen: (earlier) => backendAt(emulator.url, { prefix: prefixes.get(earlier) }).storage,
      isRemote: true,
    })
    testStorage({ describe, test }, 'GcsStorage, in chunks', {
      create: () =>
        inNewPlace(({ prefix }) => {
          const options = { prefix, existenceCacheMs: 0, maxSingleUploadBytes: 999, uploadChunkBytes: 262_144 }
          return backendAt(emulator.url, options).storage
        }),
      isRemote: true,
      blobSizes: [1000, 600_000],
    })
    testActionCache({ describe, test }, 'GcsActionCache', {
      create: () => inNewPlace((options) => backendAt(emulator.url, options).actionCache),
      reopen: (earlier) => backendAt(emulator.url, { prefix: prefixes.get(earlier) }).actionCache,
    })
  })
} else {
  test.skip('fake-gcs-server needs Go', () => undefined)
}
