import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

const journals = new WeakMap<object, string>()

function deferring<Half extends object>(select: (backend: ReturnType<typeof withCache>) => Half): Half {
  const journalDirectory = mkdtempSync(join(tmpdir(), 'caskade-journal-'))
  const tiers = { cache: referenceBackend(), fallback: referenceBackend() }
  const half = select(withCache({ ...tiers, deferFallbackWrites: true, journalDirectory }))
  journals.set(half, journalDirectory)
  return half
}

function removeJournal(half: object): void {
  rmSync(journals.get(half) ?? '', { recursive: true })
}

testStorage(runner, 'WithCache(Reference, Reference, deferred)', {
  create: () => deferring(({ storage }) => storage),
  destroy: removeJournal,
})

testActionCache(runner, 'WithCache(Reference, Reference, deferred)', {
  create: () => deferring(({ actionCache }) => actionCache),
  destroy: removeJournal,
})

function referenceBackend(): Backend {
  return { storage: new ReferenceStorage(), actionCache: new ReferenceActionCache() }
}
