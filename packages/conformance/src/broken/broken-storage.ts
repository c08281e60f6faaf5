import type { StorageABC } from '@caskade/core'
import type { ReferenceStorageOptions } from '../reference/reference-storage.ts'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { Damage, StorageHarness } from '../storage-harness.ts'

/** What a broken storage is made of. */
export type BrokenStorageOptions = ReferenceStorageOptions

/** A storage with one defect, and the case of the suite that must notice it. */
export interface BrokenStorage {
  /** What it does wrong, as a sentence without a subject. */
  readonly defect: string
  /** The name of the case. */
  readonly caughtBy: string
  readonly create: (options: BrokenStorageOptions) => StorageABC
}

/** Makes the harness on which the suite meets a reference storage, or a broken one made of it. */
export function referenceHarness(
  create: (options: BrokenStorageOptions) => StorageABC = (options) => new ReferenceStorage(options),
): StorageHarness {
  return {
    create: ({ maxBytes, now, leaseMs } = {}) => create({ maxBytes, now, leaseMs }),
    reopen: (storage) => create(storage instanceof ReferenceStorage ? { blobs: storage.blobs } : {}),
    hasQuota: true,
    hasClock: true,
    hasLease: true,
    damage: (storage, digest, damage) => {
      if (storage instanceof ReferenceStorage) damageBlob(storage, digest.hash, damage)
    },
  }
}

/** Damages content of a reference storage. */
export function damageBlob({ blobs }: ReferenceStorage, key: string, damage: Damage): void {
  const blob = blobs.get(key)
  if (blob === undefined) return
  if (damage === 'remove') {
    blobs.delete(key)
    return
  }
  const bytes = Uint8Array.from(damage === 'truncate' ? blob.bytes.subarray(0, -1) : blob.bytes)
  if (damage === 'flip-bit') bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 1
  blobs.set(key, { ...blob, bytes })
}
