import { sharded, sizePartitioned, withCache } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { sqliteIn, testBackend } from './testing/composites.fixture.ts'

testBackend('Sharded(Memory, Memory, Memory)', () =>
  sharded({ shards: { a: memoryBackend(), b: memoryBackend(), c: memoryBackend() }, weights: { c: 2.5 } }),
)

testBackend('Sharded(Sqlite, Sqlite), resharding', (path) =>
  sharded({
    shards: { old: sqliteIn(path, 'old'), new: sqliteIn(path, 'new') },
    weights: { old: 0 },
    previousWeights: { old: 1 },
  }),
)

testBackend('Sharded(WithCache(Memory, Memory), WithCache(Memory, Memory))', () => {
  const east = withCache({ cache: memoryBackend(), fallback: memoryBackend() })
  const west = withCache({ cache: memoryBackend(), fallback: memoryBackend() })
  return sharded({ shards: { east, west }, previousWeights: { west: 1 } })
})

testBackend('WithCache(Memory, Sharded(Sqlite, Sqlite))', (path) => {
  const shards = { east: sqliteIn(path, 'east'), west: sqliteIn(path, 'west') }
  return withCache({ cache: memoryBackend(), fallback: sharded({ shards }) })
})

testBackend('SizePartitioned(Memory, Memory)', () =>
  sizePartitioned({ small: memoryBackend(), large: memoryBackend(), maxSmallBytes: 1000 }),
)

// The part in memory is forgotten.
testBackend(
  'SizePartitioned(Memory, Sqlite)',
  (path) => sizePartitioned({ small: memoryBackend(), large: sqliteIn(path, 'large'), maxSmallBytes: 100 }),
  false,
)
