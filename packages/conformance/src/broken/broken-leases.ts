import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions, Status } from '@caskade/core'
import { digestKey, isWithinLease, StorageError } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage, BrokenStorageOptions } from './broken-storage.ts'

type Blobs = readonly (readonly [Digest, Uint8Array])[]

/** Storages that do not keep what was used within the lease, or keep it for ever. */
export const brokenLeases: readonly BrokenStorage[] = [
  {
    defect: 'knows no lease',
    caughtBy: 'lease: what was written within it stays, and what has no room is refused until it is over',
    create: (options) => new ReferenceStorage({ ...options, leaseMs: 0 }),
  },
  {
    defect: 'keeps for ever what it leased once',
    caughtBy: 'lease: what was written within it stays, and what has no room is refused until it is over',
    create: (options) => new ReferenceStorage({ ...options, now: () => 0 }),
  },
  ...(
    [
      'hasBlob',
      'getBlob',
      'getBlob of a range',
      'missingBlobs',
      'bulkReadBlobs',
      'commitWrite',
      'bulkUpdateBlobs',
    ] as const
  ).map((use): BrokenStorage => ({
    defect: `does not renew the lease on ${use}`,
    caughtBy: `lease: ${use} renews it`,
    create: (options) => new UnrenewedStorage(options, use),
  })),
  {
    defect: 'keeps what was used in the future',
    caughtBy: 'lease: a clock that is set back does not make it last longer',
    create: (options) => new FutureStorage(options),
  },
  {
    defect: 'refuses without telling anybody',
    caughtBy: 'lease: a write that is refused because of it is reported as lease-refusal',
    create: (options) => new SilentStorage(options),
  },
]

/** Forgets one kind of use. */
class UnrenewedStorage extends ReferenceStorage {
  readonly #forgotten: string
  readonly #now: () => number
  readonly #leaseMs: number
  readonly #rememberedMs = new Map<string, number>()

  constructor(options: BrokenStorageOptions, forgotten: string) {
    super(options)
    this.#forgotten = forgotten
    this.#now = options.now ?? Date.now
    this.#leaseMs = options.leaseMs ?? 0
  }

  override async hasBlob(digest: Digest, options?: OperationOptions): Promise<boolean> {
    this.#remember('hasBlob', [digest])
    return super.hasBlob(digest, options)
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.#remember(options.length === undefined ? 'getBlob' : 'getBlob of a range', [digest])
    return super.getBlob(digest, options)
  }

  override async missingBlobs(digests: readonly Digest[]): Promise<Digest[]> {
    this.#remember('missingBlobs', digests)
    return digests.filter((digest) => !this.blobs.has(digestKey(digest)))
  }

  override async bulkReadBlobs(digests: readonly Digest[]): Promise<Map<string, Uint8Array>> {
    this.#remember('bulkReadBlobs', digests)
    return new Map(
      digests.flatMap((digest) => [[digest.hash, this.blobs.get(digestKey(digest))?.bytes ?? new Uint8Array()]]),
    )
  }

  override async commitWrite(digest: Digest, source: BlobSource, options?: OperationOptions): Promise<void> {
    if (!this.blobs.has(digestKey(digest))) this.#rememberedMs.set(digestKey(digest), this.#now())
    this.#remember('commitWrite', [digest])
    await super.commitWrite(digest, source, options)
  }

  override async bulkUpdateBlobs(blobs: Blobs): Promise<Status[]> {
    this.#remember(
      'bulkUpdateBlobs',
      blobs.map(([digest]) => digest),
    )
    return blobs.map(() => ({ code: 'ok' }))
  }

  protected override isLeased(key: string): boolean {
    return isWithinLease(this.#now() - (this.#rememberedMs.get(key) ?? 0), this.#leaseMs)
  }

  #remember(use: string, digests: readonly Digest[]): void {
    if (use === this.#forgotten) return
    for (const digest of digests) this.#rememberedMs.set(digestKey(digest), this.#now())
  }
}

/** Takes what was used before the clock was set back for leased until the clock is there again. */
class FutureStorage extends ReferenceStorage {
  readonly #now: () => number
  #latestMs = 0

  constructor(options: BrokenStorageOptions) {
    super(options)
    this.#now = options.now ?? Date.now
  }

  protected override isLeased(key: string): boolean {
    this.#latestMs = Math.max(this.#latestMs, this.#now())
    return this.#now() < this.#latestMs || super.isLeased(key)
  }
}

/** Keeps its refusals to itself. */
class SilentStorage extends ReferenceStorage {
  protected override refusal(): StorageError {
    return new StorageError('no-space', 'Reference: everything is leased')
  }
}
