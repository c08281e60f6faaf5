import { checkPowerLoss } from '@caskade/conformance'
import { expect, test } from 'vitest'
import { fsBackend } from './index.ts'

const SEED = 5

test(`loses nothing that it acknowledged when the power fails (seed ${SEED})`, async () => {
  const checking = checkPowerLoss({
    open: (path, files) => fsBackend({ path, files, accessGranularityMs: 0 }),
    seed: SEED,
    rounds: 20,
    maxOperations: 300,
  })

  await expect(checking).resolves.toBeUndefined()
})
