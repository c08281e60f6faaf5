import assert from 'node:assert/strict'
import { assertAbsent, assertStored } from '../assertions.ts'
import { eventsDuring } from '../events.ts'
import type { Damage, StorageCase } from '../storage-harness.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'

/** What `checkBlob` finds, and what it does about it. */
export const checkCases: readonly StorageCase[] = [
  {
    name: 'checkBlob: finds what is stored whole, and what is not absent, and changes nothing',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const [blob, absent] = [makeBlob(size, size), makeBlob(size + 1, size)]
        await storage.commitWrite(blob.digest, sourceOf(blob))

        assert.equal(await storage.checkBlob(blob.digest), 'whole')
        assert.equal(await storage.checkBlob(absent.digest), 'absent')

        await assertStored(storage, blob)
        await assertAbsent(storage, absent.digest)
      }
    },
  },
  ...(['flip-bit', 'truncate', 'remove'] as const).map((damage: Damage): StorageCase => ({
    name: `checkBlob: after ${damage} the blob is dropped and reported, or healed`,
    needs: 'damage',
    async run({ storage, harness, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        await harness.damage?.(storage, blob.digest, damage)

        const found: string[] = []
        const events = await eventsDuring(async () => void found.push(await storage.checkBlob(blob.digest)))

        const [condition] = found
        if (condition === 'healed') {
          await assertStored(storage, blob)
          continue
        }
        assert.ok(
          condition === 'damaged' || (condition === 'absent' && damage !== 'flip-bit'),
          `checkBlob: finds damaged content ${condition}`,
        )
        await assertAbsent(storage, blob.digest)
        const isReported = events.some(({ kind, digest }) => kind === 'corrupt' && digest?.hash === blob.digest.hash)
        // Where a blob of another size is another blob, one that was truncated is absent.
        assert.ok(isReported || condition === 'absent', 'no event says that the blob was corrupt')
        await storage.commitWrite(blob.digest, sourceOf(blob))
        assert.equal(await storage.checkBlob(blob.digest), 'whole')
      }
    },
  })),
]
