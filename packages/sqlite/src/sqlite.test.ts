import { testActionCache, testStorage } from '@caskade/conformance'
import { describe, test } from 'vitest'
import { damage, folderOf, inNewFolder, removeFolder } from './folders.fixture.ts'
import { SqliteActionCache, SqliteStorage } from './index.ts'

const runner = { describe, test }

testStorage(runner, 'SqliteStorage', {
  create: (options = {}) =>
    inNewFolder(
      (path) => new SqliteStorage({ ...options, path, accessGranularityMs: 0, highWatermark: 1, lowWatermark: 1 }),
    ),
  destroy: removeFolder,
  reopen: (earlier) => new SqliteStorage({ path: folderOf(earlier) }),
  hasQuota: true,
  hasClock: true,
  hasLease: true,
  damage,
})

testActionCache(runner, 'SqliteActionCache', {
  create: () => inNewFolder((path) => new SqliteActionCache({ path })),
  destroy: removeFolder,
  reopen: (earlier) => new SqliteActionCache({ path: folderOf(earlier) }),
})
