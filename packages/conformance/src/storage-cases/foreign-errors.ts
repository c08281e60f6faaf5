import { assertAbsent, assertRejectsWith, assertStored } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { failingSource, gatedSource, makeBlob, sourceOf } from '../test-blob.ts'

/** Errors of others that look like those of a failed file operation or a broken connection. */
export const foreignErrorCases: readonly StorageCase[] = [
  {
    name: 'abort: a reason with a code is passed on as it is',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes.filter((each) => each > 1)) {
        const blob = makeBlob(size, size)
        const source = gatedSource(blob)
        const controller = new AbortController()
        const writing = storage.commitWrite(blob.digest, source, { signal: controller.signal })
        await source.reachedGate

        const reason = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
        controller.abort(reason)

        await assertRejectsWith(writing, reason, 'commitWrite')
        await assertAbsent(storage, blob.digest)
        source.openGate()
      }
    },
  },
  {
    name: 'commitWrite: the error of a source is passed on as it is, whatever its code',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        for (const code of ['ENOSPC', 'EACCES', 'EIO', 'EXDEV', 'ENOENT', 'SQLITE_BUSY']) {
          const blob = makeBlob(size, size)
          const failure = Object.assign(new Error('the source broke'), { code })

          await assertRejectsWith(storage.commitWrite(blob.digest, failingSource(blob, failure)), failure, code)

          await assertAbsent(storage, blob.digest)
          await storage.commitWrite(blob.digest, sourceOf(blob))
          await assertStored(storage, blob)
          await storage.deleteBlob(blob.digest)
        }
      }
    },
  },
]
