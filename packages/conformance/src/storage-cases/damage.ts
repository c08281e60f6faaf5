import assert from 'node:assert/strict'
import type { Digest, StorageABC } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { assertAbsent, assertSameBytes, assertStored } from '../assertions.ts'
import { eventsDuring } from '../events.ts'
import type { Damage, StorageCase } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'

/** Stored content that is no longer what was written. */
export const damageCases: readonly StorageCase[] = [
  ...(['flip-bit', 'truncate', 'remove'] as const).map((damage: Damage): StorageCase => ({
    name: `corrupt: content after ${damage} is never delivered, dropped, and can be written again`,
    needs: 'damage',
    async run({ storage, harness, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        await harness.damage?.(storage, blob.digest, damage)

        const events = await eventsDuring(() => readDamaged(storage, blob))

        await assertAbsent(storage, blob.digest)
        if (damage !== 'remove') {
          const reported = events.some(({ kind, digest }) => kind === 'corrupt' && digest?.hash === blob.digest.hash)
          assert.ok(reported, 'no event says that the blob was corrupt')
        }
        await storage.commitWrite(blob.digest, sourceOf(blob))
        await assertStored(storage, blob)
      }
    },
  })),
  {
    name: 'corrupt: bulkReadBlobs never delivers damaged content',
    needs: 'damage',
    async run({ storage, harness, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        await harness.damage?.(storage, blob.digest, 'flip-bit')

        const read = await orCorrupt(storage.bulkReadBlobs([blob.digest]))

        assert.ok(read === null || !read.has(blob.digest.hash), 'bulkReadBlobs: delivers damaged content')
        assert.ok((await missingAfter(storage, blob.digest)).length === 1, 'the damaged blob was not dropped')
      }
    },
  },
]

/** Reads a blob that is damaged: it may be absent, or fail as corrupt, but not deliver other content. */
async function readDamaged(storage: StorageABC, blob: TestBlob): Promise<void> {
  const reader = await orCorrupt(storage.getBlob(blob.digest))
  if (reader === null) return
  let delivered = 0
  const reading = async (): Promise<Uint8Array> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of reader) {
      delivered += chunk.byteLength
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }
  const bytes = await orCorrupt(reading())
  if (bytes !== null) assertSameBytes(bytes, blob.bytes, 'reading damaged content')
  assert.ok(delivered < blob.bytes.byteLength, 'as many bytes as the blob has were delivered before the failure')
}

async function orCorrupt<Result>(promise: Promise<Result>): Promise<Result | null> {
  try {
    return await promise
  } catch (error) {
    assert.ok(StorageError.is(error, 'corrupt'), `failed with ${String(error)}, expected corrupt`)
    return null
  }
}

async function missingAfter(storage: StorageABC, digest: Digest): Promise<Digest[]> {
  return storage.missingBlobs([digest])
}
