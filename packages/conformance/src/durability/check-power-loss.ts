import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileOperations } from '@caskade/core/files'
import { nodeFiles } from '@caskade/core/files'
import { PowerLossFiles } from '../files/power-loss-files.ts'
import type { SyncedByOthers } from '../files/power-loss-recovery.ts'
import type { Random } from '../files/seeded-random.ts'
import { randomBelow, seededRandom } from '../files/seeded-random.ts'
import { Ledger } from './ledger.ts'
import type { Openable } from './opened.ts'
import { start } from './opened.ts'
import { verifyOpened } from './verify.ts'
import { runWorkload } from './workload.ts'

/** What a check of power failures works on. */
export interface PowerLossCheck {
  /** Makes a storage or a backend, not started, over a folder that need not exist yet, with these file operations. */
  readonly open: (directory: string, files: FileOperations) => Openable | Promise<Openable>
  /** Decides what happens; printed when the check fails. */
  readonly seed: number
  /** How many times the power fails. Default: 20. */
  readonly rounds?: number | undefined
  /** The most operations, of those that change something, before the power fails. Default: 500. */
  readonly maxOperations?: number | undefined
  /** See {@link PowerLossFiles}. */
  readonly syncedByOthers?: SyncedByOthers | undefined
}

/**
 * Lets the power fail again and again while a storage is written to, each time at a random operation, and checks what is
 * found afterwards: everything that was acknowledged, and nothing that is torn. Each round goes on with what the one
 * before it left.
 *
 * @throws what is wrong, as an AssertionError that names the seed and the round.
 */
export async function checkPowerLoss(check: PowerLossCheck): Promise<void> {
  const { seed, rounds = 20 } = check
  const random = seededRandom(seed)
  const ledger = new Ledger()
  const parent = mkdtempSync(join(tmpdir(), 'caskade-power-'))
  try {
    mkdirSync(join(parent, '0'))
    for (let round = 1; round <= rounds; round++) {
      await runRound(check, { round, random, ledger, parent }).catch((error: unknown) => {
        throw new Error(`power failure: seed ${seed}, round ${round}: ${String(error)}`, { cause: error })
      })
      rmSync(join(parent, String(round - 1)), { recursive: true })
    }
    assert.ok(ledger.acknowledgements > 0, `power failure: seed ${seed}: nothing was ever acknowledged`)
  } finally {
    rmSync(parent, { recursive: true })
  }
}

interface Round {
  readonly round: number
  readonly random: Random
  readonly ledger: Ledger
  readonly parent: string
}

async function runRound(check: PowerLossCheck, { round, random, ledger, parent }: Round): Promise<void> {
  const { open, maxOperations = 500, syncedByOthers } = check
  const before = join(parent, String(round - 1))
  const after = join(parent, String(round))
  const seed = randomBelow(random, 2 ** 32)
  // Many early ones, so that starting is hit as well.
  const crashAt = 1 + Math.floor(random() ** 2 * maxOperations)
  const files = new PowerLossFiles({ directory: before, seed, crashAt, syncedByOthers })

  const opening = await open(join(before, 'storage'), files)
  const opened = await start(opening).catch(ignoreAfter(files))
  if (opened !== undefined) {
    const enough = ledger.acknowledgements + 20 * maxOperations
    const isOver = (): boolean => files.hasCrashed || ledger.acknowledgements > enough
    const failures: unknown[] = []
    const onFailure = (error: unknown): void => void (files.hasCrashed || failures.push(error))
    await runWorkload({ ...opened, random, notebook: ledger, round, isOver, onFailure })
    if (failures.length > 0) throw failures[0]
    assert.ok(files.operations > 0, 'the storage does not use the file operations that it was given')
  }
  files.recover(after)
  await opened?.stop().catch(() => undefined)

  const recovered = await start(await open(join(after, 'storage'), nodeFiles))
  try {
    await verifyOpened(recovered, ledger, { deletionsLast: false, hasLastingCache: false })
  } finally {
    await recovered.stop()
  }
}

/** A start that fails because the power did is as good as any other operation; another failure is a failure. */
function ignoreAfter(files: PowerLossFiles): (error: unknown) => undefined {
  return (error) => {
    if (!files.hasCrashed) throw error
  }
}
