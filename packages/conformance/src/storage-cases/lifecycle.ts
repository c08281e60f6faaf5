import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import { assertRejects, assertSameBytes, assertStored, assertWholeOrAbsent, readChunks } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { gatedSource, makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'
import { methodCalls } from './methods.ts'

const blob = makeBlob(1, 20)

/** Starting, stopping, and what survives it. */
export const lifecycleCases: readonly StorageCase[] = [
  {
    name: 'lifecycle: every method refuses before start and after stop',
    startsItself: true,
    async run({ storage }) {
      await assertNotRunning(storage, 'before start')
      await storage.start()
      await storage.commitWrite(blob.digest, sourceOf(blob))
      await storage.stop()
      await assertNotRunning(storage, 'after stop')
    },
  },
  {
    name: 'lifecycle: stop before start does nothing, and start works after it',
    startsItself: true,
    async run({ storage }) {
      await storage.stop()
      await storage.start()

      await storage.commitWrite(blob.digest, sourceOf(blob))

      await assertStored(storage, blob)
    },
  },
  {
    name: 'lifecycle: starts are counted, concurrent ones too',
    startsItself: true,
    async run({ storage }) {
      await Promise.all([storage.start(), storage.start(), storage.start()])
      await Promise.all([storage.stop(), storage.stop()])
      await storage.commitWrite(blob.digest, sourceOf(blob))
      await assertStored(storage, blob)

      await storage.stop()

      await assertRejects(storage.hasBlob(blob.digest), 'not-running', 'hasBlob after the last stop')
    },
  },
  {
    name: 'lifecycle: a stopped storage can be started again',
    async run({ storage }) {
      await storage.stop()
      await storage.start()

      await storage.commitWrite(blob.digest, sourceOf(blob))

      await assertStored(storage, blob)
    },
  },
  {
    name: 'lifecycle: stop waits for open readers',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const open = makeBlob(size, size)
        await storage.commitWrite(open.digest, sourceOf(open))
        const reader = await storage.getBlob(open.digest)

        const stopping = storage.stop()

        assertSameBytes(await readChunks(reader), open.bytes, 'a reader open during stop')
        await stopping
        await storage.start()
      }
    },
  },
  {
    name: 'lifecycle: a write under way when the storage stops ends, and is there wholly or not at all afterwards',
    async run({ storage, harness, blobSizes }) {
      for (const size of blobSizes.filter((each) => each > 1)) {
        const single = makeBlob(size, size)
        const several = makeBlobs(40, 50, size)
        const source = gatedSource(single)
        const writing = storage.commitWrite(single.digest, source)
        await source.reachedGate
        const writingSeveral = storage.bulkUpdateBlobs(several.map(({ digest, bytes }) => [digest, bytes]))

        const stopping = storage.stop()
        source.openGate()
        const isWritten = await doneOrNotRunning(writing, 'commitWrite')
        const statuses = await doneOrNotRunning(writingSeveral, 'bulkUpdateBlobs')
        await stopping

        const next = (await harness.reopen?.(storage)) ?? storage
        await next.start()
        try {
          const isRemembered = next !== storage
          const isStored = await assertWholeOrAbsent(next, single)
          assert.ok(isStored || !isWritten || !isRemembered, 'a write was acknowledged and is lost')
          for (const each of several) {
            const isThere = await assertWholeOrAbsent(next, each)
            assert.ok(isThere || !statuses || !isRemembered, 'a write in bulk was acknowledged and is lost')
          }
        } finally {
          if (next !== storage) await next.stop()
        }
        if (next !== storage) await storage.start()
      }
    },
  },
  {
    name: 'reopen: what was stored is there after a stop and a start',
    needs: 'reopen',
    async run({ storage, harness, blobSizes }) {
      const blobs = [0, ...blobSizes].map((size) => makeBlob(size, size))
      for (const each of blobs) await storage.commitWrite(each.digest, sourceOf(each))
      const deleted = makeBlob(50, 500)
      await storage.commitWrite(deleted.digest, sourceOf(deleted))
      await storage.deleteBlob(deleted.digest)
      await storage.stop()

      assert.ok(harness.reopen)
      const reopened = await harness.reopen(storage)
      await reopened.start()

      try {
        for (const each of blobs) await assertStored(reopened, each)
        assert.equal(await reopened.hasBlob(deleted.digest), false, 'a deleted blob came back')
      } finally {
        await reopened.stop()
      }
    },
  },
]

async function assertNotRunning(storage: StorageABC, when: string): Promise<void> {
  for (const [name, { call }] of Object.entries(methodCalls)) {
    await assertRejects(call(storage, blob), 'not-running', `${name} ${when}`)
    const options = { signal: new AbortController().signal }
    await assertRejects(call(storage, blob, options), 'not-running', `${name} with options ${when}`)
  }
  await assertRejects(storage.missingBlobs([]), 'not-running', `missingBlobs of nothing ${when}`)
  await assertRejects(storage.bulkReadBlobs([]), 'not-running', `bulkReadBlobs of nothing ${when}`)
  await assertRejects(storage.bulkUpdateBlobs([]), 'not-running', `bulkUpdateBlobs of nothing ${when}`)
  await assertRejects(storage.bulkDelete([]), 'not-running', `bulkDelete of nothing ${when}`)
}

/** Waits for a write during a stop; false when it was refused. Any other failure is one of the case. */
async function doneOrNotRunning(operation: Promise<unknown>, what: string): Promise<boolean> {
  const [outcome] = await Promise.allSettled([operation])
  if (outcome.status === 'fulfilled') return true
  await assertRejects(operation, 'not-running', `${what} during stop`)
  return false
}
