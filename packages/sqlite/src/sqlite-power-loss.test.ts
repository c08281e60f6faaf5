import { checkPowerLoss } from '@caskade/conformance'
import { expect, test } from 'vitest'
import { sqliteBackend } from './index.ts'
import { syncedBySqlite } from './log-on-disk.fixture.ts'

const SEED = 5

test(`loses nothing that it acknowledged when the power fails (seed ${SEED})`, async () => {
  const checking = checkPowerLoss({
    open: (path, files) => sqliteBackend({ path, files, accessGranularityMs: 0 }),
    seed: SEED,
    rounds: 20,
    maxOperations: 150,
    syncedByOthers: syncedBySqlite,
  })

  await expect(checking).resolves.toBeUndefined()
})
