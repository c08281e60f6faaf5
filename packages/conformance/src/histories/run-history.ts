import * as fc from 'fast-check'
import type { StorageHarness } from '../storage-harness.ts'
import { DEFAULT_BLOB_SIZES } from '../storage-harness.ts'
import { assertStopsInTime } from '../assertions.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob } from '../test-blob.ts'
import type { HistoryOptions } from './check-histories.ts'
import { checkHistories, DEFAULT_MAX_STEPS } from './check-histories.ts'
import { shortName } from './short-name.ts'
import { readInEveryWay, storageSteps } from './storage-steps.ts'
import { StorageWorld } from './storage-world.ts'

/** How many blobs of the pool a history is about. */
const BLOB_COUNT = 3

/** A history, as it is generated and shrunk. It is about a few blobs, so that its steps meet. */
interface HistoryPlan {
  /** Where in the pool its blobs begin. */
  readonly first: number
  readonly steps: readonly StepPlan[]
}

interface StepPlan {
  readonly step: string
  readonly blobs: readonly number[]
  readonly percent: number
}

/**
 * Does random things to storages, one after the other, and compares every answer with that of a map: all methods, with
 * duplicates, wrong sizes and short sources, readers that are read later, and restarts.
 *
 * Rejects with the shortest history that goes wrong. The histories hold less than a megabyte, so that nothing is evicted.
 */
export async function runHistory(harness: StorageHarness, options: HistoryOptions = {}): Promise<void> {
  const blobs = makePool(harness)
  await checkHistories(histories(blobs.length, options), (history) => run(harness, blobs, history), {
    ...options,
    describe: ({ first, steps }) => steps.map((step, index) => `${index + 1}. ${describeStep(step, first, blobs)}`),
  })
}

function makePool({ blobSizes = DEFAULT_BLOB_SIZES }: StorageHarness): TestBlob[] {
  const sizes = [0, ...blobSizes]
  return [...sizes.map((size) => makeBlob(size, size)), makeBlob(1, 1000), makeBlob(1000, 1000, 'sha1')]
}

function histories(blobCount: number, { maxSteps = DEFAULT_MAX_STEPS }: HistoryOptions): fc.Arbitrary<HistoryPlan> {
  const step = fc.record({
    step: fc.constantFrom(...Object.keys(storageSteps)),
    blobs: fc.array(fc.nat(BLOB_COUNT - 1), { minLength: 1, maxLength: 4 }),
    percent: fc.nat(100),
  })
  const steps = fc.array(step, { minLength: 1, maxLength: maxSteps, size: 'max' })
  return fc.record({ first: fc.nat(blobCount - 1), steps })
}

async function run(harness: StorageHarness, blobs: readonly TestBlob[], { first, steps }: HistoryPlan): Promise<void> {
  const storage = await harness.create()
  await storage.start()
  const world = new StorageWorld(harness, storage, blobs)
  try {
    for (const { step, blobs: indexes, percent } of steps) {
      const [blob, ...others] = pick(blobs, first, indexes)
      if (blob !== undefined)
        await storageSteps[step]?.(world, { blob, blobs: [blob, ...others], fraction: percent / 100 })
    }
    await world.finishReaders()
    for (const blob of blobs) await readInEveryWay(world, { blob, blobs: [blob], fraction: 0 })
    await assertStopsInTime(world.storage)
  } finally {
    await world.end()
  }
}

function pick(blobs: readonly TestBlob[], first: number, indexes: readonly number[]): TestBlob[] {
  return indexes.flatMap((index) => blobs[(first + index) % blobs.length] ?? [])
}

function describeStep({ step, blobs: indexes, percent }: StepPlan, first: number, blobs: readonly TestBlob[]): string {
  const names = pick(blobs, first, indexes).map((blob) => shortName(blob))
  return `${step}: ${names.join(', ')} (${percent} %)`
}
