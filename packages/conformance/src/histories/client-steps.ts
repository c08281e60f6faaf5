import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import { assertRejectsWith, assertSameBytes, readChunks } from '../assertions.ts'
import { doneOrAborted, turns } from '../moments.ts'
import type { TestBlob } from '../test-blob.ts'
import { failingSource, sourceOf } from '../test-blob.ts'
import type { BlobLog } from './blob-log.ts'

/** Does something to a storage that others use at the same time, and logs what it learned. */
type ClientStep = (storage: StorageABC, blobs: readonly TestBlob[], log: BlobLog) => Promise<void>

/** Everything that a client can do while others are at work. */
export const clientSteps: Readonly<Record<string, ClientStep>> = {
  async hasBlob(storage, blobs, log) {
    for (const blob of blobs) {
      await log.note(
        [blob],
        () => storage.hasBlob(blob.digest),
        (isPresent) => presence(isPresent),
      )
    }
  },
  async getBlob(storage, blobs, log) {
    for (const blob of blobs) {
      const reader = await log.note(
        [blob],
        () => storage.getBlob(blob.digest),
        (found) => presence(found !== null),
      )
      if (reader !== null) assertSameBytes(await readChunks(reader), blob.bytes, 'a reader among other clients')
    }
  },
  async resolveHash(storage, blobs, log) {
    for (const blob of blobs) {
      await log.note(
        [blob],
        () => storage.resolveHash(blob.digest.hash),
        (found) => presence(found !== null),
      )
    }
  },
  async missingBlobs(storage, blobs, log) {
    const asking = (): Promise<unknown[]> => storage.missingBlobs(blobs.map(({ digest }) => digest))
    await log.note(blobs, asking, (missing, { digest }) => presence(!missing.includes(digest)))
  },
  async bulkReadBlobs(storage, blobs, log) {
    const reading = (): Promise<Map<string, Uint8Array>> => storage.bulkReadBlobs(blobs.map(({ digest }) => digest))
    const found = await log.note(blobs, reading, (read, { digest }) => presence(read.has(digest.hash)))
    for (const { digest, bytes } of blobs) {
      assertSameBytes(found.get(digest.hash) ?? bytes, bytes, 'bulkReadBlobs among other clients')
    }
  },
  async commitWrite(storage, blobs, log) {
    for (const blob of blobs) {
      await log.note(
        [blob],
        () => storage.commitWrite(blob.digest, sourceOf(blob)),
        () => 'write',
      )
    }
  },
  async 'commitWrite, given up'(storage, blobs, log) {
    for (const [index, blob] of blobs.entries()) {
      const controller = new AbortController()
      const reason = new Error('enough')
      await log.noteGivenUp(blob, async () => {
        const writing = storage.commitWrite(blob.digest, sourceOf(blob), { signal: controller.signal })
        writing.catch(() => undefined)
        await turns(index + 1)
        controller.abort(reason)
        return doneOrAborted(writing, reason, 'commitWrite, given up')
      })
    }
  },
  async 'commitWrite of a source that fails'(storage, blobs) {
    for (const blob of blobs) {
      const failure = new Error('the source broke')
      const writing = storage.commitWrite(blob.digest, failingSource(blob, failure))
      // A storage need not read the source of what it has.
      const [outcome] = await Promise.allSettled([writing])
      if (outcome.status === 'rejected') await assertRejectsWith(writing, failure, 'commitWrite')
    }
  },
  async bulkUpdateBlobs(storage, blobs, log) {
    const items = blobs.map(({ digest, bytes }) => [digest, bytes] as const)
    const statuses = await log.note(
      blobs,
      () => storage.bulkUpdateBlobs(items),
      () => 'write',
    )
    assert.ok(
      statuses.every(({ code }) => code === 'ok'),
      'bulkUpdateBlobs fails among other clients',
    )
  },
  async deleteBlob(storage, blobs, log) {
    for (const blob of blobs)
      await log.note(
        [blob],
        () => storage.deleteBlob(blob.digest),
        () => 'delete',
      )
  },
  async bulkDelete(storage, blobs, log) {
    const failed = await log.note(
      blobs,
      () => storage.bulkDelete(blobs.map(({ digest }) => digest)),
      () => 'delete',
    )
    assert.deepEqual(failed, [], 'bulkDelete fails among other clients')
  },
}

function presence(isPresent: boolean): 'present' | 'absent' {
  return isPresent ? 'present' : 'absent'
}
