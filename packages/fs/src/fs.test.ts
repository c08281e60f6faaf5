import { testActionCache, testStorage } from '@caskade/conformance'
import { describe, test } from 'vitest'
import { damage, folderOf, inNewFolder, removeFolder } from './folders.fixture.ts'
import { FsActionCache, FsStorage } from './index.ts'

const runner = { describe, test }

/** The suite wants to see them go one by one. */
const EXACT = { accessGranularityMs: 0, highWatermark: 1, lowWatermark: 1 }

testStorage(runner, 'FsStorage', {
  create: (options = {}) => inNewFolder((path) => new FsStorage({ ...options, path, ...EXACT })),
  destroy: removeFolder,
  reopen: (earlier) => new FsStorage({ path: folderOf(earlier) }),
  hasQuota: true,
  hasClock: true,
  hasLease: true,
  damage,
})

testActionCache(runner, 'FsActionCache', {
  create: () => inNewFolder((path) => new FsActionCache({ path })),
  destroy: removeFolder,
  reopen: (earlier) => new FsActionCache({ path: folderOf(earlier) }),
})
