import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import { assertRejects, assertSameBytes, assertStored, readChunks } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'

const blob = makeBlob(1, 20)

const methods: Readonly<Record<string, (storage: StorageABC) => Promise<unknown>>> = {
  hasBlob: (storage) => storage.hasBlob(blob.digest),
  getBlob: (storage) => storage.getBlob(blob.digest),
  deleteBlob: (storage) => storage.deleteBlob(blob.digest),
  commitWrite: (storage) => storage.commitWrite(blob.digest, sourceOf(blob)),
  missingBlobs: (storage) => storage.missingBlobs([blob.digest]),
  bulkReadBlobs: (storage) => storage.bulkReadBlobs([blob.digest]),
  bulkUpdateBlobs: (storage) => storage.bulkUpdateBlobs([[blob.digest, blob.bytes]]),
  bulkDelete: (storage) => storage.bulkDelete([blob.digest]),
  resolveHash: (storage) => storage.resolveHash(blob.digest.hash),
  async listBlobs(storage) {
    for await (const _ of storage.listBlobs()) assert.fail('listBlobs: lists although it does not run')
  },
}

/** Starting, stopping, and what survives it. */
export const lifecycleCases: readonly StorageCase[] = [
  {
    name: 'lifecycle: every method refuses before start and after stop',
    startsItself: true,
    async run({ storage }) {
      for (const [name, call] of Object.entries(methods)) {
        await assertRejects(call(storage), 'not-running', `${name} before start`)
      }
      await storage.start()
      await storage.commitWrite(blob.digest, sourceOf(blob))
      await storage.stop()
      for (const [name, call] of Object.entries(methods)) {
        await assertRejects(call(storage), 'not-running', `${name} after stop`)
      }
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
