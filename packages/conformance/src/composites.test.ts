import { type Backend, EmptyBlobStorage, withCache, WithCacheStorage } from '@caskade/core'
import { describe, test } from 'vitest'
import {
  FaultyActionCache,
  FaultyStorage,
  on,
  ReferenceActionCache,
  referenceHarness,
  ReferenceStorage,
  testActionCache,
  testStorage,
  together,
} from './index.ts'

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

for (const [name, plan] of Object.entries({ 'no plan': {}, 'a plan of no faults': together(on('getBlob', {}), {}) })) {
  testStorage(runner, `Faulty(Reference), ${name}`, {
    ...referenceHarness((options) => new ReferenceStorage(options)),
    create: ({ maxBytes } = {}) => new FaultyStorage(new ReferenceStorage({ maxBytes }), plan),
    reopen: undefined,
    damage: undefined,
  })
  testActionCache(runner, `Faulty(Reference), ${name}`, {
    create: () => new FaultyActionCache(new ReferenceActionCache(), plan),
  })
}

for (const maxStaleMs of [0, 60_000]) {
  testActionCache(runner, `WithCache(Reference, Reference), maxStaleMs ${maxStaleMs}`, {
    create: () => withCache({ cache: referenceBackend(), fallback: referenceBackend(), maxStaleMs }).actionCache,
  })
}

function referenceBackend(): Backend {
  return { storage: new ReferenceStorage(), actionCache: new ReferenceActionCache() }
}
