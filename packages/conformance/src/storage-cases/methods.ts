import assert from 'node:assert/strict'
import type { OperationOptions, StorageABC } from '@caskade/core'
import { assertSameBytes, listedKeys, readChunks } from '../assertions.ts'
import type { TestBlob } from '../test-blob.ts'
import { sourceOf } from '../test-blob.ts'

/** A way to call a method of a storage about one blob. */
export interface MethodCall {
  /** What it does to the blob; one that writes wants it absent before, the others want it stored. */
  readonly effect: 'reads' | 'writes' | 'deletes'
  /** Calls the method; rejects as it does, and fails when the answer is wrong. */
  readonly call: (storage: StorageABC, blob: TestBlob, options?: OperationOptions) => Promise<void>
}

/** Every method of a storage, in every way that it can be called. */
export const methodCalls: Readonly<Record<string, MethodCall>> = {
  hasBlob: {
    effect: 'reads',
    async call(storage, { digest }, options) {
      assert.equal(await storage.hasBlob(digest, options), true, 'hasBlob: a stored blob is not found')
    },
  },
  getBlob: {
    effect: 'reads',
    async call(storage, { digest, bytes }, options) {
      assertSameBytes(await readChunks(await storage.getBlob(digest, options)), bytes, 'getBlob')
    },
  },
  'getBlob of a range': {
    effect: 'reads',
    async call(storage, { digest, bytes }, options) {
      const offset = bytes.byteLength >> 1
      const reader = await storage.getBlob(digest, { ...options, offset, length: 100 })
      assertSameBytes(await readChunks(reader), bytes.subarray(offset, offset + 100), 'getBlob of a range')
    },
  },
  'getBlob, disposed unread': {
    effect: 'reads',
    async call(storage, { digest }, options) {
      const reader = await storage.getBlob(digest, options)
      await reader?.[Symbol.asyncDispose]()
      assert.ok(reader, 'getBlob: a stored blob is not found')
    },
  },
  deleteBlob: {
    effect: 'deletes',
    call: (storage, { digest }, options) => storage.deleteBlob(digest, options),
  },
  commitWrite: {
    effect: 'writes',
    call: (storage, blob, options) => storage.commitWrite(blob.digest, sourceOf(blob), options),
  },
  resolveHash: {
    effect: 'reads',
    async call(storage, { digest }, options) {
      assert.deepEqual(await storage.resolveHash(digest.hash, digest.digestFunction, options), digest)
    },
  },
  getBlobByHash: {
    effect: 'reads',
    async call(storage, { digest, bytes }, options) {
      const found = await storage.getBlobByHash(digest.hash, digest.digestFunction, options)
      assert.deepEqual(found?.digest, digest)
      assertSameBytes(await readChunks(found?.reader ?? null), bytes, 'getBlobByHash')
    },
  },
  listBlobs: {
    effect: 'reads',
    async call(storage, { digest }, options) {
      assert.ok((await listedKeys(storage, options)).has(digest.hash), 'listBlobs: a stored blob is not listed')
    },
  },
  bulkDelete: {
    effect: 'deletes',
    async call(storage, { digest }, options) {
      assert.deepEqual(await storage.bulkDelete([digest], options), [])
    },
  },
  missingBlobs: {
    effect: 'reads',
    async call(storage, { digest }, options) {
      assert.deepEqual(await storage.missingBlobs([digest], options), [])
    },
  },
  bulkUpdateBlobs: {
    effect: 'writes',
    async call(storage, { digest, bytes }, options) {
      assert.deepEqual(await storage.bulkUpdateBlobs([[digest, bytes]], options), [{ code: 'ok' }])
    },
  },
  bulkReadBlobs: {
    effect: 'reads',
    async call(storage, { digest, bytes }, options) {
      const read = (await storage.bulkReadBlobs([digest], options)).get(digest.hash)
      assert.ok(read, 'bulkReadBlobs: a stored blob is not in the map')
      assertSameBytes(read, bytes, 'bulkReadBlobs')
    },
  },
}
