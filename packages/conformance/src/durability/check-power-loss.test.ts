import { describe, expect, test } from 'vitest'
import { checkPowerLoss } from './check-power-loss.ts'
import { fileBackend } from './file-backend.fixture.ts'

const SEED = 20_260_101

const defects = [
  'forgets to sync the file',
  'forgets to sync the folder',
  'renames before it syncs',
  'acknowledges before it syncs',
  'acknowledges before it writes',
] as const

describe('checkPowerLoss', () => {
  test(`lets a backend pass that syncs what it acknowledges (seed ${SEED})`, async () => {
    await expect(checkPowerLoss({ open: fileBackend, seed: SEED, rounds: 12 })).resolves.toBeUndefined()
  })

  test.each(defects)(`catches a storage that %s (seed ${SEED})`, async (storage) => {
    const open = (...[directory, files]: Parameters<typeof fileBackend>) => fileBackend(directory, files, { storage })

    await expect(checkPowerLoss({ open, seed: SEED, rounds: 20 })).rejects.toThrow(
      /lost|torn|wrong length|other bytes|expected/,
    )
  })

  test.each(defects)(`catches an action cache that %s (seed ${SEED})`, async (actionCache) => {
    const open = (...[directory, files]: Parameters<typeof fileBackend>) =>
      fileBackend(directory, files, { actionCache })

    await expect(checkPowerLoss({ open, seed: SEED, rounds: 20 })).rejects.toThrow(/entry|JSON/)
  })

  test('names the seed and the round of a failure', async () => {
    const open = (directory: string) => fileBackend(directory, undefined, { storage: 'forgets to sync the file' })

    await expect(checkPowerLoss({ open, seed: 7, rounds: 1, maxOperations: 2 })).rejects.toThrow(
      /seed 7, round 1: .*does not use the file operations/,
    )
  })
})
