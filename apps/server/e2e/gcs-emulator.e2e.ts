import { randomUUID } from 'node:crypto'
import { testActionCache, testStorage } from '@caskade/conformance'
import type { Backend } from '@caskade/core'
import type { GcsOptions } from '@caskade/gcs'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { EmulatorProcess } from './support/fake-gcs-server.ts'
import { startFakeGcsServer } from './support/fake-gcs-server.ts'
import { backendAt } from './support/gcs-bucket.ts'
import { isInstalled } from './support/run.ts'

type Options = Omit<GcsOptions, 'bucket'>

const prefixes = new WeakMap<object, string>()

// An emulator by others: what both sides of the plain tests might have misunderstood in the same way shows here.
// Left out where there is no Go, which is not a client and cannot be installed everywhere in a version that is new enough.
describe.runIf(isInstalled('go', false))('fake-gcs-server', () => {
  let emulator: EmulatorProcess

  beforeAll(async () => {
    emulator = await startFakeGcsServer()
  })

  afterAll(() => emulator[Symbol.asyncDispose]())

  const inNewPlace = <Half extends object>(choose: (backend: Backend) => Half, options: Options = {}): Half => {
    const prefix = `${randomUUID()}/`
    const half = choose(backendAt(emulator.url, { ...options, prefix }))
    prefixes.set(half, prefix)
    return half
  }
  const inPlaceOf = (earlier: object): Backend => backendAt(emulator.url, { prefix: prefixes.get(earlier) })

  testStorage({ describe, test }, 'GcsStorage', {
    create: () => inNewPlace(({ storage }) => storage),
    reopen: (earlier) => inPlaceOf(earlier).storage,
    isRemote: true,
  })
  testStorage({ describe, test }, 'GcsStorage, in chunks', {
    create: () =>
      inNewPlace(({ storage }) => storage, {
        existenceCacheMs: 0,
        maxSingleUploadBytes: 999,
        uploadChunkBytes: 262_144,
      }),
    isRemote: true,
    blobSizes: [1000, 600_000],
  })
  testActionCache({ describe, test }, 'GcsActionCache', {
    create: () => inNewPlace(({ actionCache }) => actionCache),
    reopen: (earlier) => inPlaceOf(earlier).actionCache,
  })
})
