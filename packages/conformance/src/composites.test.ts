import { type Backend, EmptyBlobStorage, withCache, WithCacheStorage } from '@caskade/core'
import { describe, test } from 'vitest'
import { ReferenceActionCache, referenceHarness, ReferenceStorage, testActionCache, testStorage } from './index.ts'

const runner = { describe, test }

testStorage(runner, 'WithCache(Reference, Reference)', {
  create: () => new WithCacheStorage({ cache: new ReferenceStorage(), fallback: new ReferenceStorage() }),
})

testStorage(runner, 'EmptyBlob(Reference)', {
  ...referenceHarness((options) => new ReferenceStorage(options)),
  create: ({ maxBytes } = {}) => new EmptyBlobStorage(new ReferenceStorage({ maxBytes })),
  reopen: undefined,
  damage: undefined,
  hasEmptyBlob: true,
})

for (const maxStaleMs of [0, 60_000]) {
  testActionCache(runner, `WithCache(Reference, Reference), maxStaleMs ${maxStaleMs}`, {
    create: () => withCache({ cache: referenceBackend(), fallback: referenceBackend(), maxStaleMs }).actionCache,
  })
}

function referenceBackend(): Backend {
  return { storage: new ReferenceStorage(), actionCache: new ReferenceActionCache() }
}
