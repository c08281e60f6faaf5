import assert from 'node:assert/strict'
import type { Digest } from '@caskade/core'
import { assertAbsent, assertRejects, assertRejectsWith, assertStored } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { gatedSource, makeBlob, sourceOf } from '../test-blob.ts'

const good = makeBlob(1, 20)

const malformed: readonly Digest[] = [
  { hash: '../../etc/passwd'.padEnd(64, '/'), sizeBytes: 20 },
  { hash: '../../etc/passwd'.padEnd(64, '0'), sizeBytes: 20 },
  { hash: good.digest.hash.toUpperCase(), sizeBytes: 20 },
  { hash: good.digest.hash.slice(1), sizeBytes: 20 },
  { hash: `${good.digest.hash}0`, sizeBytes: 20 },
  { hash: `${good.digest.hash.slice(1)}\n`, sizeBytes: 20 },
  { hash: '', sizeBytes: 20 },
  { hash: good.digest.hash, sizeBytes: -1 },
  { hash: good.digest.hash, sizeBytes: 0.5 },
  { hash: good.digest.hash, sizeBytes: Number.NaN },
  { hash: good.digest.hash, sizeBytes: 2 ** 60 },
  { hash: good.digest.hash, sizeBytes: 20, digestFunction: 'sha512' },
  { hash: good.digest.hash, sizeBytes: 20, digestFunction: 'md5' as 'sha1' },
]

/** Malformed digests, and operations that their caller gives up. */
export const badInputCases: readonly StorageCase[] = [
  {
    name: 'hygiene: a malformed digest is an invalid argument to every method',
    async run({ storage }) {
      for (const digest of malformed) {
        const what = JSON.stringify(digest)
        await assertRejects(storage.hasBlob(digest), 'invalid-argument', `hasBlob ${what}`)
        await assertRejects(storage.getBlob(digest), 'invalid-argument', `getBlob ${what}`)
        await assertRejects(storage.deleteBlob(digest), 'invalid-argument', `deleteBlob ${what}`)
        await assertRejects(storage.commitWrite(digest, sourceOf(good)), 'invalid-argument', `commitWrite ${what}`)
        await assertRejects(storage.missingBlobs([digest]), 'invalid-argument', `missingBlobs ${what}`)
        await assertRejects(storage.bulkReadBlobs([digest]), 'invalid-argument', `bulkReadBlobs ${what}`)
        assert.equal((await storage.bulkUpdateBlobs([[digest, good.bytes]]))[0]?.code, 'invalid-argument', what)
        assert.equal((await storage.bulkDelete([digest])).length, 1, `bulkDelete ${what}`)
      }
      await assertAbsent(storage, good.digest)
    },
  },
  {
    name: 'hygiene: a malformed hash is an invalid argument to resolveHash',
    async run({ storage }) {
      for (const hash of ['', 'x', '../../etc/passwd'.padEnd(64, '0'), good.digest.hash.toUpperCase()]) {
        await assertRejects(storage.resolveHash(hash), 'invalid-argument', `resolveHash ${hash}`)
        await assertRejects(storage.getBlobByHash(hash), 'invalid-argument', `getBlobByHash ${hash}`)
      }
      await assertRejects(storage.resolveHash(good.digest.hash, 'sha512'), 'invalid-argument', 'resolveHash')
    },
  },
  {
    name: 'abort: an aborted signal ends every method with its own reason, and changes nothing',
    async run({ storage }) {
      const stored = makeBlob(2, 30)
      await storage.commitWrite(stored.digest, sourceOf(stored))
      const reason = new Error('enough')
      const options = { signal: AbortSignal.abort(reason) }
      const { digest } = stored
      const listing = async (): Promise<void> => {
        for await (const _ of storage.listBlobs(options)) assert.fail('listBlobs: lists although aborted')
      }

      await assertRejectsWith(storage.hasBlob(digest, options), reason, 'hasBlob')
      await assertRejectsWith(storage.getBlob(digest, options), reason, 'getBlob')
      await assertRejectsWith(storage.deleteBlob(digest, options), reason, 'deleteBlob')
      await assertRejectsWith(storage.commitWrite(good.digest, sourceOf(good), options), reason, 'commitWrite')
      await assertRejectsWith(storage.missingBlobs([digest], options), reason, 'missingBlobs')
      await assertRejectsWith(storage.bulkReadBlobs([digest], options), reason, 'bulkReadBlobs')
      await assertRejectsWith(storage.bulkUpdateBlobs([[good.digest, good.bytes]], options), reason, 'bulkUpdateBlobs')
      await assertRejectsWith(storage.bulkDelete([digest], options), reason, 'bulkDelete')
      await assertRejectsWith(storage.resolveHash(digest.hash, undefined, options), reason, 'resolveHash')
      await assertRejectsWith(listing(), reason, 'listBlobs')
      await assertStored(storage, stored)
      await assertAbsent(storage, good.digest)
    },
  },
  {
    name: 'abort: ends a commitWrite whose source is stuck, and leaves nothing behind',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes.filter((each) => each > 1)) {
        const blob = makeBlob(size, size)
        const source = gatedSource(blob)
        const controller = new AbortController()
        const reason = new Error('enough')
        const writing = storage.commitWrite(blob.digest, source, { signal: controller.signal })
        await source.reachedGate

        controller.abort(reason)

        await assertRejectsWith(writing, reason, 'commitWrite')
        await assertAbsent(storage, blob.digest)
        source.openGate()
      }
    },
  },
  {
    name: 'abort: ends a reader between two chunks with the reason',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const controller = new AbortController()
        const reason = new Error('enough')
        const reader = await storage.getBlob(blob.digest, { signal: controller.signal })
        assert.ok(reader)

        controller.abort(reason)

        await assertRejectsWith(reader.bytes(), reason, 'bytes()')
        await assertStored(storage, blob)
      }
    },
  },
]
