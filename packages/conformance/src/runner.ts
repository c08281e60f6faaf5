import type { ActionCacheHarness } from './action-cache-harness.ts'
import { canRunActionCache, runActionCacheCase } from './action-cache-harness.ts'
import { actionCacheCases } from './action-cache-cases/index.ts'
import type { StorageHarness } from './storage-harness.ts'
import { canRun, runStorageCase } from './storage-harness.ts'
import { storageCases } from './storage-cases/index.ts'

/** The part of a test runner that the suite needs; vitest, node:test, jest, mocha and bun all fit. */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly test: (name: string, body: () => Promise<void>) => unknown
}

/** Registers every case that a storage can be held to, each on a storage of its own. */
export function testStorage({ describe, test }: Runner, name: string, harness: StorageHarness): void {
  describe(`${name}: StorageABC`, () => {
    for (const storageCase of storageCases.filter((each) => canRun(each, harness))) {
      test(storageCase.name, () => runStorageCase(storageCase, harness))
    }
  })
}

/** Registers every case that an action cache can be held to, each on an action cache of its own. */
export function testActionCache({ describe, test }: Runner, name: string, harness: ActionCacheHarness): void {
  describe(`${name}: ActionCacheABC`, () => {
    for (const actionCacheCase of actionCacheCases.filter((each) => canRunActionCache(each, harness))) {
      test(actionCacheCase.name, () => runActionCacheCase(actionCacheCase, harness))
    }
  })
}
