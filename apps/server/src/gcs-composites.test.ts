import { join } from 'node:path'
import { sharded, sizePartitioned, withCache } from '@caskade/core'
import { FakeGcs } from '@caskade/gcs/testing'
import { memoryBackend } from '@caskade/memory'
import { sqliteBackend } from '@caskade/sqlite'
import { afterAll } from 'vitest'
import { testBackendOverGcs } from './testing/gcs-composites.fixture.ts'

const fake = await FakeGcs.start()

afterAll(() => fake[Symbol.asyncDispose]())

testBackendOverGcs('WithCache(Memory, Gcs), deferred', fake, (path, gcs) =>
  withCache({
    cache: memoryBackend(),
    fallback: gcs,
    deferFallbackWrites: true,
    journalDirectory: join(path, 'journal'),
  }),
)

testBackendOverGcs('WithCache(Sqlite, Gcs)', fake, (path, gcs) =>
  withCache({ cache: sqliteBackend({ path: join(path, 'cache') }), fallback: gcs }),
)

testBackendOverGcs('SizePartitioned(Sqlite, Sharded(Gcs, Sqlite))', fake, (path, gcs) =>
  sizePartitioned({
    small: sqliteBackend({ path: join(path, 'small') }),
    large: sharded({ shards: { gcs, disk: sqliteBackend({ path: join(path, 'large') }) } }),
    maxSmallBytes: 500,
  }),
)
