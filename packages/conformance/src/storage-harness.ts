import type { Digest, StorageABC } from '@caskade/core'
import { assertStopsInTime } from './assertions.ts'

/** What a storage under test is created with. */
export interface CreateStorageOptions {
  /** The quota in bytes; asked only of harnesses that say they have one. Default: whatever the storage's default is. */
  readonly maxBytes?: number | undefined
  /** The present time in milliseconds since 1970; given only to harnesses that say they take a clock. */
  readonly now?: (() => number) | undefined
  /** What was used within so many milliseconds must stay; given only to harnesses that say they have a lease. */
  readonly leaseMs?: number | undefined
}

/** A clock that goes where a case wants it. */
export interface TestClock {
  /** The present time in milliseconds since 1970. */
  nowMs: number
}

/** How content is damaged behind a storage's back. */
export type Damage = 'flip-bit' | 'truncate' | 'remove'

/** Makes the storages that the suite runs on. What is optional says what the storage can do; cases that need more are left out. */
export interface StorageHarness {
  /** Makes an empty storage, not started, that shares nothing with any other. */
  readonly create: (options?: CreateStorageOptions) => StorageABC | Promise<StorageABC>
  /** Removes what a storage kept outside this process. Called once the storage is stopped. */
  readonly destroy?: ((storage: StorageABC) => void | Promise<void>) | undefined
  /** Makes another storage, not started, over what an earlier one kept, which was stopped. For storages that remember. */
  readonly reopen?: ((storage: StorageABC) => StorageABC | Promise<StorageABC>) | undefined
  /** The storage takes `maxBytes` and evicts the least recently used blob first. */
  readonly hasQuota?: boolean | undefined
  /** The storage has a quota and takes the time from `now`, by which it orders uses. */
  readonly hasClock?: boolean | undefined
  /** The storage has a quota, takes the time from `now`, and evicts nothing that was used within `leaseMs`. */
  readonly hasLease?: boolean | undefined
  /** Damages a stored blob. For storages that keep content where it can be damaged. */
  readonly damage?: ((storage: StorageABC, digest: Digest, damage: Damage) => void | Promise<void>) | undefined
  /** The storage has the empty blob from the start and cannot lose it, as protocols want it. */
  readonly hasEmptyBlob?: boolean | undefined
  /**
   * The storage is behind a network: an operation that was given up may take effect a little later, and what the other
   * side has never heard of is an `invalid-argument`.
   */
  readonly isRemote?: boolean | undefined
  /** Sizes, in bytes, at which the storage may behave differently. Default: 1, 1,000, 70,000 and 300,000. */
  readonly blobSizes?: readonly number[] | undefined
}

/** What a case needs beyond `create`. */
export type StorageCapability = 'quota' | 'clock' | 'lease' | 'damage' | 'reopen' | 'empty-blob' | 'no-empty-blob'

/** What a case runs on. */
export interface StorageCaseContext {
  /** The storage under test, started unless the case says otherwise. The runner stops and destroys it. */
  readonly storage: StorageABC
  readonly harness: StorageHarness
  /** The sizes to try, from the harness. */
  readonly blobSizes: readonly number[]
  /** The storage's clock, for cases with `needs: 'clock'` or `'lease'`. */
  readonly clock: TestClock
}

/** One rule of the contract in one situation. */
export interface StorageCase {
  /** A sentence, unique in the suite. */
  readonly name: string
  /** What the harness must offer. Default: nothing. */
  readonly needs?: StorageCapability | undefined
  /** The case starts the storage itself. Default: false. */
  readonly startsItself?: boolean | undefined
  run(context: StorageCaseContext): Promise<void>
}

/** The sizes to try, in bytes, when a harness names none. */
export const DEFAULT_BLOB_SIZES: readonly number[] = [1, 1000, 70_000, 300_000]

/** The quota of the storages that cases about quota and clock run on, in bytes. */
export const QUOTA_BYTES: number = 1024 * 1024

/** The lease of the storages that cases about leases run on, in milliseconds. */
export const LEASE_MS: number = 3_600_000

/** Tells whether a harness offers what a case needs. */
export function canRun({ needs }: StorageCase, harness: StorageHarness): boolean {
  if (needs === 'quota') return harness.hasQuota === true
  if (needs === 'clock') return harness.hasClock === true
  if (needs === 'lease') return harness.hasLease === true
  if (needs === 'damage') return harness.damage !== undefined
  if (needs === 'reopen') return harness.reopen !== undefined
  if (needs === 'empty-blob') return harness.hasEmptyBlob === true
  if (needs === 'no-empty-blob') return harness.hasEmptyBlob !== true
  return true
}

/** Runs one case on a fresh storage; rejects when the storage breaks the rule, or still waits for something at the end. */
export async function runStorageCase(storageCase: StorageCase, harness: StorageHarness): Promise<void> {
  const clock: TestClock = { nowMs: Date.UTC(2026, 0, 1) }
  const storage = await harness.create(createOptions(storageCase, clock))
  const blobSizes = harness.blobSizes ?? DEFAULT_BLOB_SIZES
  try {
    if (storageCase.startsItself !== true) await storage.start()
    await storageCase.run({ storage, harness, blobSizes, clock })
    await assertStopsInTime(storage)
  } finally {
    await storage.stop()
    await harness.destroy?.(storage)
  }
}

function createOptions({ needs }: StorageCase, clock: TestClock): CreateStorageOptions {
  if (needs === 'quota') return { maxBytes: QUOTA_BYTES }
  if (needs === 'clock') return { maxBytes: QUOTA_BYTES, now: () => clock.nowMs }
  if (needs === 'lease') return { maxBytes: QUOTA_BYTES, now: () => clock.nowMs, leaseMs: LEASE_MS }
  return {}
}
