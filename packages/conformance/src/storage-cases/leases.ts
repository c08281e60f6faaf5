import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { assertStored, listedKeys } from '../assertions.ts'
import { eventsDuring } from '../events.ts'
import type { StorageCase } from '../storage-harness.ts'
import { LEASE_MS, QUOTA_BYTES } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'
import { LARGE, SMALL, uses } from './eviction.ts'

/** What a storage keeps that was used within the lease, whatever else finds no room. */
export const leaseCases: readonly StorageCase[] = [
  {
    name: 'lease: what was written within it stays, and what has no room is refused until it is over',
    needs: 'lease',
    async run({ storage, clock }) {
      for (const size of [SMALL, LARGE]) {
        const { written, refused } = await writeUntilRefused(storage, size)
        for (const blob of written) await assertStored(storage, blob)

        clock.nowMs += 3 * LEASE_MS
        await storage.commitWrite(refused.digest, sourceOf(refused))

        await assertStored(storage, refused)
        clock.nowMs += 3 * LEASE_MS
        await storage.bulkDelete((await Array.fromAsync(storage.listBlobs())).map(({ digest }) => digest))
      }
    },
  },
  ...Object.entries(uses).map(([name, use]): StorageCase => ({
    name: `lease: ${name} renews it`,
    needs: 'lease',
    async run({ storage, clock }) {
      const used = makeBlob(1, LARGE)
      await storage.commitWrite(used.digest, sourceOf(used))
      clock.nowMs += 3 * LEASE_MS

      await use(storage, used)
      await writeUntilRefused(storage, LARGE)

      assert.ok((await listedKeys(storage)).has(used.digest.hash), 'a blob that is in use was evicted')
    },
  })),
  {
    name: 'lease: a clock that is set back does not make it last longer',
    needs: 'lease',
    async run({ storage, clock }) {
      const { refused } = await writeUntilRefused(storage, LARGE)

      clock.nowMs -= 1000 * LEASE_MS
      await storage.commitWrite(refused.digest, sourceOf(refused))

      await assertStored(storage, refused)
    },
  },
  {
    name: 'lease: a write that is refused because of it is reported as lease-refusal',
    needs: 'lease',
    async run({ storage }) {
      const events = await eventsDuring(async () => void (await writeUntilRefused(storage, LARGE)))

      assert.ok(events.some(({ kind }) => kind === 'lease-refusal'))
    },
  },
]

/** Writes until there is no room; fails if something written is gone then, or if there always is. */
async function writeUntilRefused(
  storage: StorageABC,
  size: number,
): Promise<{ readonly written: readonly TestBlob[]; readonly refused: TestBlob }> {
  const written: TestBlob[] = []
  for (let seed = 10_000; seed < 10_000 + (3 * QUOTA_BYTES) / size; seed++) {
    const blob = makeBlob(seed, size)
    const failure = await storage.commitWrite(blob.digest, sourceOf(blob)).then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    if (failure === undefined) {
      written.push(blob)
      continue
    }
    const isNoSpace = StorageError.is(failure.error, 'no-space')
    assert.ok(isNoSpace, `a write failed with ${String(failure.error)}, expected no-space`)
    return { written, refused: blob }
  }
  throw new assert.AssertionError({ message: 'three times the quota was written within one lease' })
}
