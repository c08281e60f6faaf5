import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import * as fc from 'fast-check'
import { assertStopsInTime } from '../assertions.ts'
import { turns } from '../moments.ts'
import type { StorageHarness } from '../storage-harness.ts'
import { DEFAULT_BLOB_SIZES } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob } from '../test-blob.ts'
import { BlobLog } from './blob-log.ts'
import type { HistoryOptions } from './check-histories.ts'
import { checkHistories } from './check-histories.ts'
import { clientSteps } from './client-steps.ts'
import { shortName } from './short-name.ts'

/** One step of a client, as it is generated, shrunk and shown. */
interface ClientStepPlan {
  readonly step: string
  readonly blobs: readonly number[]
  /** How long the client pauses before it, in turns of the event loop. */
  readonly pause: number
}

/** How many blobs the clients do everything to: few, so that they meet. */
const BLOB_COUNT = 2

/**
 * Has several clients do random things to one storage at once, and looks for an order that explains their answers: for
 * each blob there must be one in which every operation happens at one moment between its start and its end.
 *
 * Rejects with the shortest history that goes wrong.
 */
export async function runConcurrentHistory(harness: StorageHarness, options: HistoryOptions = {}): Promise<void> {
  const sizes = harness.blobSizes ?? DEFAULT_BLOB_SIZES
  const blobs = Array.from({ length: BLOB_COUNT }, (_, index) => makeBlob(index, sizes.at(index - BLOB_COUNT) ?? 1))
  await checkHistories(histories(options), (history) => run(harness, blobs, history), {
    ...options,
    describe: (history) => history.flatMap((client, index) => describeClient(client, index, blobs)),
  })
}

function histories({ maxSteps = 8 }: HistoryOptions): fc.Arbitrary<ClientStepPlan[][]> {
  const plan = fc.record({
    step: fc.constantFrom(...Object.keys(clientSteps)),
    blobs: fc.uniqueArray(fc.nat(BLOB_COUNT - 1), { minLength: 1, maxLength: 2 }),
    pause: fc.nat(3),
  })
  const client = fc.array(plan, { minLength: 1, maxLength: maxSteps, size: 'max' })
  return fc.array(client, { minLength: 2, maxLength: 4 })
}

async function run(
  harness: StorageHarness,
  blobs: readonly TestBlob[],
  clients: readonly (readonly ClientStepPlan[])[],
): Promise<void> {
  const storage = await harness.create()
  await storage.start()
  const log = new BlobLog(blobs)
  try {
    const outcomes = await Promise.allSettled(clients.map((client) => runClient(storage, client, blobs, log)))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    for (const read of ['hasBlob', 'getBlob', 'missingBlobs', 'resolveHash', 'bulkReadBlobs']) {
      await clientSteps[read]?.(storage, blobs, log)
    }
    assert.deepEqual(log.unexplained(), [], 'no order explains what the clients saw')
    await assertStopsInTime(storage)
  } finally {
    await storage.stop()
    await harness.destroy?.(storage)
  }
}

async function runClient(
  storage: StorageABC,
  client: readonly ClientStepPlan[],
  blobs: readonly TestBlob[],
  log: BlobLog,
): Promise<void> {
  for (const { step, blobs: indexes, pause } of client) {
    await turns(pause)
    const subjects = indexes.flatMap((index) => blobs[index] ?? [])
    await clientSteps[step]?.(storage, subjects, log)
  }
}

function describeClient(client: readonly ClientStepPlan[], index: number, blobs: readonly TestBlob[]): string[] {
  return client.map(({ step, blobs: indexes, pause }) => {
    const names = indexes.flatMap((each) => blobs[each] ?? []).map((blob) => shortName(blob))
    return `client ${index + 1}: ${pause > 0 ? `after ${pause} turns, ` : ''}${step}: ${names.join(', ')}`
  })
}
