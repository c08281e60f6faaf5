import assert from 'node:assert/strict'
import type { Digest } from '@caskade/core'
import { createDigest, createHasher, digestFunctions, StorageError } from '@caskade/core'
import { assertAbsent, assertRejects } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'

/** Digests that a storage can name and not verify. */
export const digestFunctionCases: readonly StorageCase[] = [
  {
    name: 'digest functions: a blob that could not be verified is refused as unsupported, and nothing of it is stored',
    async run({ storage, harness, blobSizes }) {
      const codes = harness.isRemote === true ? ['unsupported', 'invalid-argument'] : ['unsupported']
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        for (const digest of unverifiableDigests(size)) {
          await assertRejects(storage.commitWrite(digest, sourceOf(blob)), codes, 'commitWrite')
          const [status] = await storage.bulkUpdateBlobs([[digest, blob.bytes]])

          assert.ok(codes.includes(status?.code ?? ''), `bulkUpdateBlobs: answered ${status?.code}`)
          if (harness.isRemote !== true) await assertAbsent(storage, digest)
        }
      }
    },
  },
]

function unverifiableDigests(sizeBytes: number): Digest[] {
  return digestFunctions
    .filter((each) => !isComputable(each))
    .map((each) => createDigest('a'.repeat(64), sizeBytes, each))
}

function isComputable(digestFunction: (typeof digestFunctions)[number]): boolean {
  try {
    createHasher(digestFunction)
    return true
  } catch (error) {
    if (StorageError.is(error, 'unsupported')) return false
    throw error
  }
}
