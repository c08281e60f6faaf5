import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that take what they can never give back. */
export const brokenDigestFunctions: readonly BrokenStorage[] = [
  {
    defect: 'stores blobs whose hash it cannot compute',
    caughtBy:
      'digest functions: a blob that could not be verified is refused as unsupported, and nothing of it is stored',
    create: (options) =>
      new (class extends ReferenceStorage {
        override async commitWrite(digest: Digest, source: BlobSource, operationOptions: OperationOptions = {}) {
          this.assertReady(digest, operationOptions.signal)
          this.store(digest, Uint8Array.from(await source.open(operationOptions).bytes()))
        }
      })(options),
  },
]
