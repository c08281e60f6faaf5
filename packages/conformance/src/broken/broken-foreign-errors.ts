import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { isErrnoException, StorageError } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that take any error with a code for one of their own operations. */
export const brokenForeignErrors: readonly BrokenStorage[] = [
  {
    defect: 'describes the reason of an abort as a failure of its own',
    caughtBy: 'abort: a reason with a code is passed on as it is',
    create: (options) => new DescribingStorage(options),
  },
  {
    defect: 'describes what a source fails with as a failure of its own',
    caughtBy: 'commitWrite: the error of a source is passed on as it is, whatever its code',
    create: (options) => new DescribingStorage(options),
  },
]

class DescribingStorage extends ReferenceStorage {
  override async commitWrite(digest: Digest, source: BlobSource, options?: OperationOptions): Promise<void> {
    try {
      await super.commitWrite(digest, source, options)
    } catch (error) {
      if (!isErrnoException(error)) throw error
      throw new StorageError('unknown', `cannot write: ${error.message}`, { cause: error })
    }
  }
}
