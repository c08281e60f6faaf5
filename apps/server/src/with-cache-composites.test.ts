import { join } from 'node:path'
import { EmptyBlobStorage, withCache } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { sqliteIn, testActionCacheOf, testBackend, testStorageWithEmptyBlob } from './testing/composites.fixture.ts'

testBackend('WithCache(Memory, Memory)', () => withCache({ cache: memoryBackend(), fallback: memoryBackend() }))

testBackend('WithCache(Memory, Sqlite)', (path) =>
  withCache({ cache: memoryBackend(), fallback: sqliteIn(path, 'store'), trustCache: true }),
)

testActionCacheOf('WithCache(Memory, Sqlite) with stale entries allowed', (path) =>
  withCache({ cache: memoryBackend(), fallback: sqliteIn(path, 'store'), maxStaleMs: 60_000 }),
)

testBackend('WithCache(Memory, Sqlite), deferred', (path) =>
  withCache({
    cache: memoryBackend(),
    fallback: sqliteIn(path, 'store'),
    deferFallbackWrites: true,
    journalDirectory: join(path, 'journal'),
  }),
)

testBackend('WithCache(Sqlite, Sqlite)', (path) =>
  withCache({ cache: sqliteIn(path, 'cache'), fallback: sqliteIn(path, 'store') }),
)

testBackend('WithCache(Memory, WithCache(Memory, Memory))', () => {
  const inner = withCache({ cache: memoryBackend(), fallback: memoryBackend() })
  return withCache({ cache: memoryBackend(), fallback: inner })
})

// What the server makes of its own accord.
testStorageWithEmptyBlob('EmptyBlob(WithCache(Memory, Sqlite))', (path) => {
  const { storage } = withCache({ cache: memoryBackend(), fallback: sqliteIn(path, 'store'), trustCache: true })
  return new EmptyBlobStorage(storage)
})
