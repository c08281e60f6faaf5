import type { BlobCondition, Digest } from '@caskade/core'
import { digestKey } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages whose checks find the wrong thing, or do the wrong thing about it. */
export const brokenChecks: readonly BrokenStorage[] = [
  {
    defect: 'finds everything whole',
    caughtBy: 'checkBlob: finds what is stored whole, and what is not absent, and changes nothing',
    create: (options) => new WronglyCheckedStorage(options, () => 'whole'),
  },
  {
    defect: 'checks only that a blob is there',
    caughtBy: 'checkBlob: after flip-bit the blob is dropped and reported, or healed',
    create: (options) =>
      new WronglyCheckedStorage(options, (storage, digest) =>
        storage.blobs.has(digestKey(digest)) ? 'whole' : 'absent',
      ),
  },
  {
    defect: 'finds damage and leaves it',
    caughtBy: 'checkBlob: after truncate the blob is dropped and reported, or healed',
    create: (options) => new WronglyCheckedStorage(options, () => 'damaged'),
  },
  {
    defect: 'calls what is gone healed',
    caughtBy: 'checkBlob: after remove the blob is dropped and reported, or healed',
    create: (options) => new WronglyCheckedStorage(options, () => 'healed'),
  },
]

class WronglyCheckedStorage extends ReferenceStorage {
  readonly #check: (storage: ReferenceStorage, digest: Digest) => BlobCondition

  constructor(
    options: ConstructorParameters<typeof ReferenceStorage>[0],
    check: (storage: ReferenceStorage, digest: Digest) => BlobCondition,
  ) {
    super(options)
    this.#check = check
  }

  override async checkBlob(digest: Digest): Promise<BlobCondition> {
    return this.#check(this, digest)
  }
}
