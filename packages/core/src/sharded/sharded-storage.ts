import type { BlobReader } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { Digest, DigestFunction } from '../digest.ts'
import { assertHash } from '../digest.ts'
import { startAll, stopAll } from '../lifecycle.ts'
import type { OperationOptions, ReadOptions, WholeReadOptions } from '../operation-options.ts'
import { splitBulkDelete, splitBulkReadBlobs, splitBulkUpdateBlobs, splitMissingBlobs } from '../partition.ts'
import type { BlobCondition, CheckOptions } from '../scrub/check-content.ts'
import type { Status } from '../status.ts'
import type { BlobInfo } from '../storage-abc.ts'
import { StorageABC } from '../storage-abc.ts'
import { attemptAll } from './attempt-all.ts'
import { BackgroundCopies } from './background-copies.ts'
import { copyBlob } from './copy-blob.ts'
import { listShards } from './list-shards.ts'
import type { Owners, ShardWeights } from './shard-router.ts'
import { ShardRouter } from './shard-router.ts'

/** What a {@link ShardedStorage} is made of. */
export interface ShardedStorageOptions extends ShardWeights {
  /** The storages by name. The names decide what belongs where: one that is renamed is a new shard. */
  readonly shards: Readonly<Record<string, StorageABC>>
}

/**
 * Spreads blobs over several storages, each of which holds its part.
 *
 * Use it when one storage is too small or too slow. The hash of a blob alone decides which shard owns it, so nothing
 * needs to be remembered, and every process with the same names and weights agrees. There is no second copy: a shard
 * that fails makes the blobs it owns fail, as errors and never as absent, and no others. It costs a microsecond of
 * hashing per blob, and one bulk call per shard where there was one.
 *
 * To add or remove a shard, or change a weight, give the weights before the change as `previousWeights`. What is not
 * found at the shard that owns it is then looked for at the one that did, served from there, and copied in the
 * background once it was used. What nobody uses while `previousWeights` is set becomes absent when it is left out again.
 */
export class ShardedStorage extends StorageABC {
  static override readonly TYPE = 'Sharded'

  readonly #router: ShardRouter<StorageABC>
  readonly #copies = new BackgroundCopies({
    storageType: ShardedStorage.TYPE,
    isRunning: () => this.isRunning,
    hold: () => this.hold(),
  })

  /** @throws StorageError `invalid-argument` for no shards, weights of unknown shards, negative ones, or none above 0. */
  constructor({ shards, ...weights }: ShardedStorageOptions) {
    super()
    this.#router = new ShardRouter(shards, weights)
  }

  /** That of the shard which takes the most: a blob that another one cannot take may belong to it. */
  override get maxBlobBytes(): number | undefined {
    const limits = this.#router.children.map(({ maxBlobBytes = Infinity }) => maxBlobBytes)
    const most = Math.max(...limits)
    return most === Infinity ? undefined : most
  }

  protected override onStart(): Promise<void> {
    return startAll(this.#router.children)
  }

  protected override onStop(): Promise<void> {
    this.#copies.endAll()
    return stopAll(this.#router.children)
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, options.signal)
    const { present, previous } = this.#ownersOf(digest)
    if (await present.hasBlob(digest, options)) return true
    if (previous === undefined || !(await previous.hasBlob(digest, options))) return false
    this.#copyForward(digest)
    return true
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const { present, previous } = this.#ownersOf(digest)
    const reader = await present.getBlob(digest, options)
    if (reader !== null || previous === undefined) return reader
    const earlier = await previous.getBlob(digest, options)
    if (earlier !== null) this.#copyForward(digest)
    return earlier
  }

  override async checkBlob(digest: Digest, options: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, options.signal)
    const { present, previous } = this.#ownersOf(digest)
    const condition = await present.checkBlob(digest, options)
    return condition === 'absent' && previous !== undefined ? previous.checkBlob(digest, options) : condition
  }

  override async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    const owners = this.#bothOwnersOf(digest)
    await this.#copies.without([keyOf(digest)], options, () =>
      attemptAll(
        owners.map((owner) => owner.deleteBlob(digest, options)),
        options,
      ),
    )
  }

  override async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    this.assertRunning(options.signal)
    return this.#copies.without(digests.map(keyOf), options, () =>
      splitBulkDelete(digests, (digest) => this.#bothOwnersOf(digest), options),
    )
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.#ownersOf(digest).present.commitWrite(digest, source, options)
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    const missing = await splitMissingBlobs(digests, (digest) => [this.#ownersOf(digest).present], options)
    if (!this.#router.isResharding) return missing
    const moved = missing.filter((digest) => this.#ownersOf(digest).previous !== undefined)
    const gone = new Set(await splitMissingBlobs(moved, (digest) => [this.#ownersOf(digest).previous], options))
    const found = new Set(moved.filter((digest) => !gone.has(digest)))
    for (const digest of found) this.#copyForward(digest)
    return missing.filter((digest) => !found.has(digest))
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    return splitBulkUpdateBlobs(blobs, (digest) => [this.#ownersOf(digest).present], options)
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: WholeReadOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    const found = await splitBulkReadBlobs(digests, (digest) => [this.#ownersOf(digest).present], options)
    if (!this.#router.isResharding) return found
    const rest = digests.filter(({ hash }) => !found.has(hash))
    const earlier = await splitBulkReadBlobs(rest, (digest) => [this.#ownersOf(digest).previous], options)
    for (const digest of rest) if (earlier.has(digest.hash)) this.#copyForward(digest)
    return new Map([...found, ...earlier])
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(options.signal)
    assertHash(hash, digestFunction)
    const { present, previous } = this.#router.ownersOf(keyOf({ hash, digestFunction }))
    const digest = await present.resolveHash(hash, digestFunction, options)
    if (digest !== null || previous === undefined) return digest
    return previous.resolveHash(hash, digestFunction, options)
  }

  /** While `previousWeights` is set, this asks the present owners for what was listed elsewhere, which counts as use. */
  override async *listBlobs(options: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(options.signal)
    yield* listShards<StorageABC, BlobInfo>({
      children: this.#router.children,
      isResharding: this.#router.isResharding,
      list: (child) => child.listBlobs(options),
      ownersOf: ({ digest }) => this.#ownersOf(digest),
      notYetCopied: async (blobs) => {
        const digests = blobs.map(({ digest }) => digest)
        const missing = new Set(await splitMissingBlobs(digests, (digest) => [this.#ownersOf(digest).present], options))
        return blobs.filter(({ digest }) => missing.has(digest))
      },
    })
  }

  #copyForward(digest: Digest): void {
    const { present, previous } = this.#ownersOf(digest)
    if (previous === undefined) return
    this.#copies.add({ key: keyOf(digest), digest, run: (signal) => copyBlob(digest, previous, present, signal) })
  }

  #ownersOf(digest: Digest): Owners<StorageABC> {
    return this.#router.ownersOf(keyOf(digest))
  }

  #bothOwnersOf(digest: Digest): readonly StorageABC[] {
    const { present, previous } = this.#ownersOf(digest)
    return previous === undefined ? [present] : [present, previous]
  }
}

/** What decides where a blob belongs: function and hash, so that one hash leads to one shard whatever the size. */
function keyOf({ hash, digestFunction = 'sha256' }: Pick<Digest, 'hash' | 'digestFunction'>): string {
  return `${digestFunction}:${hash}`
}
