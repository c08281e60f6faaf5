import assert from 'node:assert/strict'
import { assertStored, listedKeys } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'
import { LARGE, SMALL, writeUntilOneIsGone } from './eviction.ts'

const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

/** How far the clock jumps before one blob is used, and then before the other is. */
const jumps: Readonly<Record<string, readonly [number, number]>> = {
  'that goes back an hour': [0, -HOUR_MS],
  'that goes forward a year': [0, YEAR_MS],
  'that goes forward a year and back again': [YEAR_MS, -YEAR_MS],
  'that stands still': [0, 0],
}

/** What the system's clock does to the order of use: nothing. */
export const clockCases: readonly StorageCase[] = Object.entries(jumps).map(([name, [first, second]]) => ({
  name: `clock: one ${name} loses nothing, and of two blobs the one used last is evicted last`,
  needs: 'clock',
  async run({ storage, clock }) {
    for (const size of [SMALL, LARGE]) {
      const [usedLast, usedBefore, ...others] = makeBlobs(4, size)
      assert.ok(usedLast && usedBefore)
      for (const blob of [usedLast, usedBefore, ...others]) await storage.commitWrite(blob.digest, sourceOf(blob))

      clock.nowMs += first
      await storage.hasBlob(usedBefore.digest)
      clock.nowMs += second
      for (const blob of others) await assertStored(storage, blob)
      for (const { digest } of [usedBefore, usedLast]) assert.ok((await listedKeys(storage)).has(digest.hash))
      const written = makeBlob(99, size)
      await storage.commitWrite(written.digest, sourceOf(written))
      await assertStored(storage, written)
      await storage.hasBlob(usedLast.digest)

      await writeUntilOneIsGone(storage, [usedBefore, usedLast], size)
      const kept = await listedKeys(storage)
      assert.ok(kept.has(usedLast.digest.hash), `of two blobs of ${size} bytes the one used last was evicted first`)
      await storage.bulkDelete([usedLast, usedBefore, ...others].map(({ digest }) => digest))
    }
  },
}))
