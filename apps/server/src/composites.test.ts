import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testActionCache, testStorage } from '@caskade/conformance'
import type { ActionCacheABC, Backend, StorageABC } from '@caskade/core'
import { EmptyBlobStorage, sharded, sizePartitioned, withCache } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { sqliteBackend } from '@caskade/sqlite'
import { describe, test } from 'vitest'

const runner = { describe, test }
const folders = new WeakMap<object, string>()

/** Every composite that the server can be configured to, made of the backends that come with it. */
const composites: Readonly<Record<string, (path: string) => Backend>> = {
  'WithCache(Memory, Memory)': () => withCache({ cache: memoryBackend(), fallback: memoryBackend() }),
  'WithCache(Memory, Sqlite)': (path) => withCache({ cache: memoryBackend(), fallback: sqliteBackend({ path }) }),
  'WithCache(Memory, Sqlite) with stale entries allowed': (path) =>
    withCache({ cache: memoryBackend(), fallback: sqliteBackend({ path }), maxStaleMs: 60_000 }),
  'WithCache(Memory, Sqlite), deferred': (path) =>
    withCache({
      cache: memoryBackend(),
      fallback: sqliteIn(path, 'store'),
      deferFallbackWrites: true,
      journalDirectory: join(path, 'journal'),
    }),
  'WithCache(Sqlite, Sqlite)': (path) =>
    withCache({ cache: sqliteIn(path, 'cache'), fallback: sqliteIn(path, 'store') }),
  'WithCache(Memory, WithCache(Memory, Sqlite))': (path) => {
    const inner = withCache({ cache: memoryBackend(), fallback: sqliteBackend({ path }) })
    return withCache({ cache: memoryBackend(), fallback: inner })
  },
  'Sharded(Memory, Memory, Memory)': () =>
    sharded({ shards: { a: memoryBackend(), b: memoryBackend(), c: memoryBackend() }, weights: { c: 2.5 } }),
  'Sharded(Sqlite, Sqlite), resharding': (path) =>
    sharded({
      shards: { old: sqliteIn(path, 'old'), new: sqliteIn(path, 'new') },
      weights: { old: 0 },
      previousWeights: { old: 1 },
    }),
  'Sharded(WithCache(Memory, Sqlite), WithCache(Memory, Sqlite))': (path) => {
    const east = withCache({ cache: memoryBackend(), fallback: sqliteIn(path, 'east') })
    const west = withCache({ cache: memoryBackend(), fallback: sqliteIn(path, 'west') })
    return sharded({ shards: { east, west }, previousWeights: { west: 1 } })
  },
  'WithCache(Memory, Sharded(Sqlite, Sqlite))': (path) => {
    const shards = { east: sqliteIn(path, 'east'), west: sqliteIn(path, 'west') }
    return withCache({ cache: memoryBackend(), fallback: sharded({ shards }) })
  },
  'SizePartitioned(Memory, Memory)': () =>
    sizePartitioned({ small: memoryBackend(), large: memoryBackend(), maxSmallBytes: 1000 }),
  'SizePartitioned(Sqlite, Sqlite)': (path) =>
    sizePartitioned({ small: sqliteIn(path, 'small'), large: sqliteIn(path, 'large'), maxSmallBytes: 1000 }),
}

function sqliteIn(path: string, name: string): Backend {
  return sqliteBackend({ path: join(path, name) })
}

function inNewFolder<Half extends StorageABC | ActionCacheABC>(make: (path: string) => Half): Half {
  const path = mkdtempSync(join(tmpdir(), 'caskade-composite-'))
  const half = make(path)
  folders.set(half, path)
  return half
}

function removeFolder(half: StorageABC | ActionCacheABC): void {
  rmSync(folders.get(half) ?? '', { recursive: true })
}

for (const [name, compose] of Object.entries(composites)) {
  const isPersistent = name.includes('Sqlite')
  testStorage(runner, name, {
    create: () => inNewFolder((path) => compose(path).storage),
    destroy: removeFolder,
    ...(isPersistent && { reopen: (earlier) => compose(folders.get(earlier) ?? '').storage }),
  })
  testActionCache(runner, name, {
    create: () => inNewFolder((path) => compose(path).actionCache),
    destroy: removeFolder,
    ...(isPersistent && { reopen: (earlier) => compose(folders.get(earlier) ?? '').actionCache }),
  })
}

testStorage(runner, 'EmptyBlob(WithCache(Memory, Sqlite))', {
  create: () =>
    inNewFolder((path) => {
      const { storage } = withCache({ cache: memoryBackend(), fallback: sqliteBackend({ path }) })
      return new EmptyBlobStorage(storage)
    }),
  destroy: removeFolder,
  hasEmptyBlob: true,
})
