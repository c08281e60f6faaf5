import type { BlobSource, Digest, DigestFunction, OperationOptions, Status } from '@caskade/core'
import { digestKey } from '@caskade/core'
import { turns } from '../moments.ts'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

const SEQUENTIAL = 'history: whatever is done one after the other, a storage answers as a map would'
const CONCURRENT = 'history: whatever clients do at once, for every blob some order explains what they saw'

/** Storages that go wrong only when certain things happen in a certain order; no other case of the suite has it. */
export const brokenHistories: readonly BrokenStorage[] = [
  {
    defect: 'remembers what a hash resolved to, whatever happens to the blob',
    caughtBy: SEQUENTIAL,
    create: (options) =>
      new (class extends ReferenceStorage {
        readonly #resolved = new Map<string, Digest>()
        override async resolveHash(hash: string, digestFunction?: DigestFunction, resolveOptions?: OperationOptions) {
          const resolved = await super.resolveHash(hash, digestFunction, resolveOptions)
          if (resolved !== null) this.#resolved.set(hash, resolved)
          return this.#resolved.get(hash) ?? null
        }
      })(options),
  },
  {
    defect: 'remembers that a blob was missing until it is written, but not in bulk',
    caughtBy: SEQUENTIAL,
    create: (options) =>
      new (class extends ReferenceStorage {
        #missing = new Set<string>()
        override async missingBlobs(digests: readonly Digest[], operationOptions?: OperationOptions) {
          for (const digest of await super.missingBlobs(digests, operationOptions)) this.#missing.add(exactKey(digest))
          return digests.filter((digest) => this.#missing.has(exactKey(digest)))
        }
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions?: OperationOptions) {
          await super.commitWrite(digest, source, operationOptions)
          this.#missing.delete(exactKey(digest))
        }
        override async bulkUpdateBlobs(
          blobs: readonly (readonly [Digest, Uint8Array])[],
          operationOptions?: OperationOptions,
        ): Promise<Status[]> {
          const missing = new Set(this.#missing)
          const statuses = await super.bulkUpdateBlobs(blobs, operationOptions)
          this.#missing = missing
          return statuses
        }
      })(options),
  },
  {
    defect: 'loses on a restart what was written in the place of something deleted',
    caughtBy: SEQUENTIAL,
    create: (options) =>
      new (class extends ReferenceStorage {
        #hasFreePlace = false
        readonly #misplaced = new Set<string>()
        override async deleteBlob(digest: Digest, operationOptions?: OperationOptions): Promise<void> {
          const { size } = this.blobs
          await super.deleteBlob(digest, operationOptions)
          if (this.blobs.size < size) this.#hasFreePlace = true
        }
        protected override store(digest: Digest, bytes: Uint8Array): void {
          if (this.#hasFreePlace && !this.blobs.has(digestKey(digest))) this.#misplaced.add(digestKey(digest))
          this.#hasFreePlace = false
          super.store(digest, bytes)
        }
        protected override async onStop(): Promise<void> {
          for (const key of this.#misplaced) this.blobs.delete(key)
        }
      })(options),
  },
  {
    defect: 'keeps the answer of a lookup that a delete has overtaken',
    caughtBy: CONCURRENT,
    create: (options) =>
      new (class extends ReferenceStorage {
        readonly #present = new Set<string>()
        override async hasBlob(digest: Digest, operationOptions?: OperationOptions): Promise<boolean> {
          if (this.#present.has(digestKey(digest))) return true
          const isPresent = await super.hasBlob(digest, operationOptions)
          await turns(1)
          if (isPresent) this.#present.add(digestKey(digest))
          return isPresent
        }
        override async deleteBlob(digest: Digest, operationOptions?: OperationOptions): Promise<void> {
          await super.deleteBlob(digest, operationOptions)
          this.#present.delete(digestKey(digest))
        }
      })(options),
  },
]

/** Tells digests of different sizes apart, unlike `digestKey`. */
function exactKey(digest: Digest): string {
  return `${digestKey(digest)}/${digest.sizeBytes}`
}
